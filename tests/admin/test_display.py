"""Text of others, shown so that nothing in it is hidden."""

import pytest

from django_durable.admin import times
from django_durable.display import visible

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größer", "größer"),
        ("שלום", "שלום"),
        ("a\0b", "a␀b"),
        ("\x1b]0;pwn\x07", "␛]0;pwn␇"),
        ("\x7f\x9b", "␡⟨U+009B⟩"),
        ("evil\u202egnp.exe", "evil⟨U+202E⟩gnp.exe"),
        ("ze\u200bro", "ze⟨U+200B⟩ro"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_what_is_hidden_in_a_text_is_shown(text, shown):
    assert visible(text) == shown


def test_line_ends_are_kept_or_shown():
    assert visible("a\n\tb") == "a\n\tb"
    assert visible("a\n\tb", lines=False) == "a␊␉b"


def test_ten_thousand_marks_on_a_letter_become_four():
    assert visible("e" + "\u0301" * 10_000 + "x") == "e" + "\u0301" * 4 + "…x"


def test_long_text_is_cut():
    assert visible("x" * 50, limit=5) == "xxxxx…"
    assert visible("x" * 5, limit=5) == "xxxxx"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (-1, "–"),
        (0, "0 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.0 s"),
        (59.9, "59.9 s"),
        (59.99, "1 m"),
        (61, "1 m 1 s"),
        (3600, "1 h"),
        (3780, "1 h 3 m"),
        (90_000, "1 d 1 h"),
    ],
)
def test_lengths_of_time_take_few_characters(seconds, text):
    assert times.length(seconds) == text
