"""JSON that people type: bounded before anything is made of it."""

import json
import re
from typing import Any, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _, gettext_lazy

MOST_BYTES = 256 * 1024
MOST_DEPTH = 100
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class BoundedJSONField(forms.CharField):
    """A text area for JSON; ``kind`` is the type that its value must have."""

    def __init__(self, *, kind: type[Any] = object, **options: Any) -> None:
        self.kind = kind
        widget = forms.Textarea(attrs={"rows": 8, "cols": 60, "spellcheck": "false"})
        super().__init__(strip=True, widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        """Return the text; its length is checked before anything else."""
        if value is not None and len(str(value).encode(errors="replace")) > MOST_BYTES:
            raise ValidationError(_("It is longer than 256 KiB."))
        return super().to_python(value)

    def clean(self, value: Any) -> Any:
        """Return the value of the JSON; None for an empty text."""
        text = super().clean(value)
        return parse(text, self.kind) if text else None


def parse(text: str, kind: type[Any] = object) -> Any:
    """Return the value of JSON, or raise ValidationError."""
    if _depth(text) > MOST_DEPTH:
        raise ValidationError(_("It is nested too deeply."))
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValidationError(_("It is no JSON: %s") % error) from None
    if not isinstance(value, kind):
        raise ValidationError(_KINDS[kind])
    return value


_KINDS: dict[type[Any], Any] = {
    list: gettext_lazy("A JSON list is expected, such as [42]."),
    dict: gettext_lazy('A JSON object is expected, such as {"amount": 42}.'),
}


def _depth(text: str) -> int:
    """Return how deep brackets are nested, without recursion."""
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        bracket = found[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
