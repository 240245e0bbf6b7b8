"""What the console's colours leave of contrast, computed from the style sheets.

Its colours are mixed with whatever the theme has: Django's own light and dark here.
"""

import re
from itertools import product
from pathlib import Path

import django.contrib.admin
import pytest

import django_durable

OURS = Path(django_durable.__file__).parent / "static" / "django_durable"
DJANGO = Path(django.contrib.admin.__file__).parent / "static" / "admin" / "css"
THEMES = {"light": DJANGO / "base.css", "dark": DJANGO / "dark_mode.css"}
# On these stands text in the pages: the page itself, every other row, chosen rows.
SURFACES = ("--body-bg", "--darkened-bg", "--selected-row")
LEAST, LEAST_OF_MARKS = 4.5, 3.0

MIX = r"color-mix\(in srgb, ([^\s,]+(?:\([^)]*\))?) (\d+)%, transparent\)"


def text_of(*names):
    return "".join(
        re.sub(r"/\*.*?\*/", "", (OURS / name).read_text(), flags=re.DOTALL)
        for name in names
    )


CSS = text_of("console.css", "dashboard.css")
RULES = [
    (selector.strip(), dict(re.findall(r"([\w-]+)\s*:\s*([^;]+);", body)))
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", CSS)
]
HUES = sorted({body["--dd-hue"] for _, body in RULES if "--dd-hue" in body})
TINTS = [
    (selector, re.fullmatch(MIX, body["background"]))
    for selector, body in RULES
    if body.get("background", "").startswith("color-mix")
]
FADED = {
    selector: float(body["opacity"])
    for selector, body in RULES
    # The light beside the pace is a mark, not text.
    if "opacity" in body and "data-dd-light" not in selector
}


def rgb(text):
    digits = text.strip().removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return tuple(int(digits[n : n + 2], 16) for n in (0, 2, 4))


def over(front, back, part):
    """Return what is seen of a colour that covers a part of what is behind it."""
    return tuple(part * a + (1 - part) * b for a, b in zip(front, back, strict=True))


def luminance(colour):
    parts = [each / 255 for each in colour]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.fixture(params=THEMES)
def theme(request):
    """Return the colours of a theme of Django's admin by their names."""
    variables = re.findall(r"(--[\w-]+):\s*(#\w+);", THEMES[request.param].read_text())
    return {name: rgb(value) for name, value in reversed(variables)}


def backgrounds(theme):
    """Yield every background that text of ours may have, with where it comes from."""
    for surface in SURFACES:
        yield surface, theme[surface]
    for (selector, tint), surface in product(TINTS, SURFACES):
        colour, percent = tint.groups()
        hues = {"var(--dd-hue)": HUES, "currentColor": [theme["--body-fg"]]}
        for hue in hues.get(colour, [colour]):
            front = rgb(hue) if isinstance(hue, str) else hue
            named = f"{selector} of {hue} on {surface}"
            yield named, over(front, theme[surface], int(percent) / 100)


@pytest.mark.once
def test_text_can_be_read_on_every_tint_in_both_themes(theme):
    found = list(backgrounds(theme))

    faint = {
        where: round(contrast(theme["--body-fg"], back), 2)
        for where, back in found
        if contrast(theme["--body-fg"], back) < LEAST
    }

    assert len(found) > 100
    assert faint == {}


@pytest.mark.once
def test_faded_text_can_be_read_in_both_themes(theme):
    faint = {}
    # A badge, a button and what is chosen do not hold faded text; boxes do.
    boxes = [
        (where, back)
        for where, back in backgrounds(theme)
        if where in SURFACES
        or where.startswith((".dd-warning", ".dd-alarm", ".dd-row"))
    ]
    for (selector, opacity), (where, back) in product(FADED.items(), boxes):
        seen = over(theme["--body-fg"], back, opacity)
        if contrast(seen, back) < LEAST:
            faint[selector, where] = round(contrast(seen, back), 2)

    assert len(FADED) >= 4
    assert faint == {}


@pytest.mark.once
def test_links_in_tinted_boxes_have_the_ink_of_their_text():
    """The theme's own colour of links was chosen for the page, not for a tint."""
    inked = " ".join(s for s, body in RULES if body.get("color") == "inherit")

    for box in (".dd-warning a", ".dd-alarm a", ".dd-soft a", ".dd-row-error a"):
        assert box in inked
    for own in (".dd-dots a.dd-badge", ".dd-console code"):
        assert own in inked
    assert "text-decoration: underline" in CSS
    assert FADED["a .dd-under"] == 1


@pytest.mark.once
def test_bars_and_marks_differ_from_the_page_in_both_themes(theme):
    faint = {}
    for selector, body in RULES:
        hue = body.get("stroke") or body.get("fill") or body.get("color") or ""
        part = 1 if "stroke" in body else float(body.get("fill-opacity", 1))
        if hue.startswith("#"):
            found = contrast(
                over(rgb(hue), theme["--body-bg"], part), theme["--body-bg"]
            )
            if found < LEAST_OF_MARKS:
                faint[selector] = round(found, 2)

    assert faint == {}


@pytest.mark.once
def test_whoever_uses_the_keyboard_sees_where_they_are():
    focused = [body for selector, body in RULES if ":focus-visible" in selector]

    assert any("outline" in body and "2px" in body["outline"] for body in focused)
    assert "outline: none" not in CSS
    assert "outline: 0" not in CSS
