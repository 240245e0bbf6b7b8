"""What stands in a page, as a browser would read it."""

from html.parser import HTMLParser

# These have no end.
VOID = {"br", "hr", "img", "input", "link", "meta", "path", "rect", "line", "use"}


class Markup(HTMLParser):
    """Elements with their attributes, and which of them are ours."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.text = []
        self._open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        is_ours = any(self._open) or "dd-console" in (given.get("class") or "").split()
        self.elements.append((tag, given, is_ours))
        if tag not in VOID:
            self._open.append(is_ours)

    def handle_startendtag(self, tag, attrs):
        is_ours = any(self._open)
        self.elements.append((tag, dict(attrs), is_ours))

    def handle_data(self, data):
        self.text.append((data, any(self._open)))

    def handle_endtag(self, tag):
        if tag not in VOID and self._open:
            self._open.pop()


def inline_code(text, *, only_ours=False):
    """Return what a strict Content-Security-Policy would refuse."""
    return [
        (tag, attributes)
        for tag, attributes, is_ours in Markup(text).elements
        if (is_ours or not only_ours) and is_inline(tag, attributes)
    ]


def is_inline(tag, attributes):
    return (
        tag == "style"
        or (tag == "script" and not attributes.get("src"))
        or any(name == "style" or name.startswith("on") for name in attributes)
        or any(
            (attributes.get(name) or "").strip().lower().startswith("javascript:")
            for name in ("href", "src", "action", "formaction", "xlink:href")
        )
    )
