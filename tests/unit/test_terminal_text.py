"""Text of callers, printed on a terminal: shown as it is, and never obeyed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.terminal_text import printable


@pytest.mark.parametrize("text", ["", "a b", "jürgen", "Ζωή 日本 😀", "C:\\new", 'it\'s "so"'])
def test_what_can_be_read_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("one\ntwo\r\nthree\tfour", r"one\ntwo\r\nthree\tfour"),
        ("\x9b31m\x85\x7f\x00\b", r"\x9b31m\x85\x7f\x00\x08"),
        ("\u202ecba\u2066\u200f\u061c", r"\u202ecba\u2066\u200f\u061c"),
        ("\u2028\u2029\u200b\ufeff\u00ad\U000e0041", r"\u2028\u2029\u200b\ufeff\xad\U000e0041"),
        ("\ud800\udcff", r"\ud800\udcff"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(text: str, printed: str) -> None:
    assert printable(text) == printed


@given(st.text(st.characters() | st.characters(categories=["Cs", "Cc", "Cf"])))
def test_any_text_can_be_encoded_and_stays_on_its_line(text: str) -> None:
    printed = printable(text)
    assert printed.encode().decode() == printed
    assert not [each for each in printed if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
