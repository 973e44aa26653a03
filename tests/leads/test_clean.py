"""What columns and jsonb cannot hold is taken out; what a person typed stays."""

import time

import pytest

from leads.clean import clean_json, clean_text


@pytest.mark.parametrize(
    ("given", "clean"),
    [("  Anna ", "Anna"), ("A\0nna\x1b\x7f", "Anna"), ("a\ud800b\udfff", "ab"), ("u\u0308", "ü"),
     ("a\r\nb\rc", "a\nb\nc"),
     ("a\tb", "a\tb"), ("\ufeff\u200bops@example.com\xa0", "ops@example.com"), ("\0 \0x\0 \0", "x"),
     ("😀", "😀")],
)  # fmt: skip
def test_text_is_cleaned(given, clean):
    assert clean_text(given) == clean


def test_text_is_cut_at_its_limit_without_an_edge_of_space():
    assert clean_text("abc def", 4) == "abc"
    assert clean_text("äbc def", 4) == "äbc"


def test_json_is_cleaned_through_keys_and_lists():
    assert clean_json({"a\0": [" x ", {"b": ("y", 1, None, True, float("nan"))}]}) == {
        "a": ["x", {"b": ["y", 1, None, True, None]}]
    }


def test_piles_of_combining_marks_are_cut_in_linear_time():
    started = time.perf_counter()

    assert len(clean_text("e" + "\u0301\u0316" * 200_000, 1_000_000)) <= 31
    assert time.perf_counter() - started < 2


def test_overrides_of_the_writing_direction_go_and_writing_itself_stays():
    assert clean_text("\u202eexe.jpg\u202c \u2067x\u2069") == "exe.jpg x"
    assert clean_text("שלום\u200f, عالم\u200e") == "שלום\u200f, عالم\u200e"
