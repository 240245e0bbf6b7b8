"""Secrets in settings: what their names and their texts give away is masked."""

import re

MASK = "********"

_SECRET = re.compile(
    r"((^|_)(KEYS?|DSN)|(API|ACCESS|PRIVATE|SECRET)KEYS?|PASS(WORD|WD|PHRASE)?S?|PWD"
    r"|SECRETS?|TOKENS?|CREDENTIALS?)$"
)
# The password in the address of a server, which may hold an "@" or a "/" itself.
_ADDRESS = re.compile(r"(://[^/@:\s]*:)\S*@")
# As in ``host=db password='a b'`` and ``?sslpassword=a&b=c``.
_OPTION = re.compile(
    r"(?i)([\w-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token)\s*=\s*)"
    r"('(?:\\.|[^'\\])*'|[^\s&;]+)"
)


def is_secret(key: str) -> bool:
    """Tell whether what is called so should not be on a screen."""
    return _SECRET.search(key.upper().replace("-", "_")) is not None


def masked_text(text: str) -> str:
    """Return a text without the passwords in addresses and options."""
    return _OPTION.sub(rf"\1{MASK}", _ADDRESS.sub(rf"\1{MASK}@", text))
