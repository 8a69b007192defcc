"""Pieces of vocabularies: bytes, what is shown, and which characters they cover."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.convert_slow_tokenizer import bytes_to_unicode

from unrolled.text.pieces import byte_alphabet, display, piece_bytes, spans_of_bytes


def test_the_byte_alphabet_is_gpt2s() -> None:
    assert byte_alphabet() == {character: byte for byte, character in bytes_to_unicode().items()}


@pytest.mark.parametrize(
    ("spelling", "piece", "data"),
    [
        ("byte-level", "Ġthe", b" the"),
        ("byte-level", "ðŁ", b"\xf0\x9f"),
        ("byte-level", "<|é 好|>", "<|é 好|>".encode()),
        ("sentencepiece", "▁the", b" the"),
        ("sentencepiece", "<0xE2>", b"\xe2"),
        ("wordpiece", "##ing", b"ing"),
        ("wordpiece", "sing", b" sing"),
        ("plain", "a", b"a"),
    ],
)
def test_piece_bytes(spelling, piece, data) -> None:
    assert piece_bytes(piece, spelling) == data


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "plain"),
        ("é好😀א".encode(), "é好😀א"),
        (b"\xf0\x9f", "‹F0 9F›"),
        (b" \xf0\x9f\x98", " ‹F0 9F 98›"),
        (b"\x80", "‹80›"),
        (b"\x80\x80x\xc3", "‹80 80›x‹C3›"),
        (b"", ""),
    ],
)
def test_display_keeps_characters_and_shows_other_bytes(data, shown) -> None:
    assert display(data) == shown


@given(text=st.text(max_size=20), cuts=st.sets(st.integers(0, 60)))
def test_spans_cover_whole_characters_in_order(text: str, cuts: set[int]) -> None:
    data = text.encode("utf-8", "replace")
    text = data.decode()
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges) if a < b]
    spans = spans_of_bytes(text, pieces)
    assert spans is not None
    for piece, (a, b) in zip(pieces, spans, strict=True):
        assert piece in text[a:b].encode()
        assert 0 <= a < b <= len(text)
    assert spans == sorted(spans)


def test_spans_of_other_text_are_refused() -> None:
    assert spans_of_bytes("abc", [b"ab", b"d"]) is None


def test_the_space_that_sentencepiece_puts_in_front_belongs_to_nothing() -> None:
    assert spans_of_bytes("ab", [b" a", b"b"]) == [(0, 1), (1, 2)]
    assert spans_of_bytes("ab", [b" ", b"ab"]) == [(0, 0), (0, 2)]
