"""Text that others wrote, as it may be shown: nothing in it is hidden."""

import re
import unicodedata

# What moves, hides or breaks text: directions, zero widths, separators, tags.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_STRANGE = re.compile(f"[{_HIDDEN}]")
_MARKS_IN_A_ROW = 4


def visible(text: object, *, limit: int | None = None, lines: bool = True) -> str:
    """Return text with control, bidi and zero-width characters made visible.

    Cut after ``limit`` characters. Without ``lines`` it becomes a single line.
    """
    shown = str(text)
    is_cut = limit is not None and len(shown) > limit
    shown = shown[:limit] if is_cut else shown
    if not lines:
        shown = re.sub(r"[\n\t]", lambda found: _named(found[0]), shown)
    shown = _without_towers(_STRANGE.sub(lambda found: _named(found[0]), shown))
    return f"{shown}…" if is_cut else shown


def _named(character: str) -> str:
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    return "␡" if code == 127 else f"⟨U+{code:04X}⟩"


def _without_towers(text: str) -> str:
    """Leave out combining marks after the first few on one letter."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS_IN_A_ROW:
            kept.append(character)
        elif marks == _MARKS_IN_A_ROW + 1:
            kept.append("…")
    return "".join(kept)
