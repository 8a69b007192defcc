"""Vocabularies made from a text: nothing is lost, and every merge was the most frequent pair of its moment."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import BadInput
from unrolled.text import byte_tokenizer, character_tokenizer, corpus, train_bpe
from unrolled.text.vocabularies import PAIRS

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
LEARNT_FROM = corpus("children").validation
BPE = train_bpe([LEARNT_FROM], 1024)
BYTES = byte_tokenizer()


def merges_of(tokenizer, folder: Path) -> list[tuple[str, str]]:
    tokenizer.save(folder / "tokenizer.json")
    return [tuple(merge) for merge in json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["merges"]]


@given(text=ANY_TEXT)
def test_any_text_comes_back(text: str) -> None:
    for tokenizer in (BPE, BYTES):
        ids = tokenizer.ids(text)
        assert b"".join(map(tokenizer.piece_bytes, ids)) == text.encode()
        assert tokenizer.decode(ids) == text
        assert tokenizer.encode(text).ids == tuple(ids)
        assert not any(map(tokenizer.is_special, ids))


@pytest.mark.parametrize(
    "text", ["<bos>", "a<eos>b", "<pad><unk>", "\n\n\n x \r\n", "née", "👩‍👩‍👧", "שלום", "漢字", "\u0000"]
)
def test_what_looks_special_is_text(text: str) -> None:
    characters = character_tokenizer([LEARNT_FROM, text])
    for tokenizer in (BPE, BYTES, characters):
        assert tokenizer.decode(tokenizer.ids(text)) == text


def test_bytes_are_their_own_numbers() -> None:
    text = "Aé漢🎉\n"
    assert BYTES.ids(text) == list(text.encode())
    assert (BYTES.vocabulary, BYTES.bos_id, BYTES.eos_ids) == (258, 256, (257,))


def test_every_merge_was_the_most_frequent_pair(tmp_path) -> None:
    """Sennrich et al. 2016, Algorithm 1, replayed; which of two equally frequent pairs comes first is free."""
    text = re.sub(r"[^a-z ]", "", LEARNT_FROM.lower())[:6_000]
    words = Counter(tuple(word.replace(" ", "Ġ")) for word in re.findall(r" ?[a-z]+", re.sub(" +", " ", text)))
    learnt = merges_of(train_bpe([re.sub(" +", " ", text)], 256 + 2 + 60), tmp_path)
    assert len(learnt) == 60
    for merge in learnt:
        counts = Counter[tuple[str, str]]()
        for word, times in words.items():
            for pair in pairwise(word):
                counts[pair] += times
        assert counts[merge] == max(counts.values())
        words = Counter({merged(word, merge): times for word, times in words.items()})


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    for symbol in word:
        if out and (out[-1], symbol) == pair and out[-1] != "":
            out[-1] += symbol
        else:
            out.append(symbol)
    return tuple(out)


def test_the_same_text_gives_the_same_vocabulary(tmp_path) -> None:
    for name in ("a", "b"):
        train_bpe(iter([LEARNT_FROM[:40_000]]), 1024).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    train_bpe([LEARNT_FROM[40_000:]], 1024).save(tmp_path / "c")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_size_and_special_tokens_are_as_asked_for() -> None:
    assert (BPE.vocabulary, BPE.bos_id, BPE.eos_ids) == (1024, 1022, (1023,))
    for_pairs = train_bpe([LEARNT_FROM], 512, special=PAIRS)
    assert [for_pairs.id_of(name) for name in ("<pad>", "<bos>", "<eos>")] == [509, 510, 511]
    assert (for_pairs.bos_id, for_pairs.eos_ids) == (510, (511,))
    assert BPE.id_of("<pad>") is None
    plain = byte_tokenizer(special=())
    assert (plain.vocabulary, plain.bos_id, plain.eos_ids) == (256, None, ())


def test_beginning_of_text_is_a_switch() -> None:
    assert BPE.encode("It was", bos=True).ids == (1022, *BPE.ids("It was"))
    assert BPE.decode([1022, *BPE.ids("It was"), 1023]) == "It was"


def test_a_small_text_gives_a_small_vocabulary() -> None:
    small = train_bpe(["ab ab"], 4096)
    assert 258 < small.vocabulary < 265
    assert small.decode(small.ids("ab ÿ")) == "ab ÿ"


def test_a_vocabulary_without_room_says_how_much_it_takes() -> None:
    with pytest.raises(BadInput, match=r"vocabulary of 100 is too small: bytes and special tokens take 258\."):
        train_bpe(["text"], 100)


def test_an_empty_line_is_one_token() -> None:
    assert BPE.encode("end.\n\nNext").strings[-2 - len(BPE.ids("Next")) + 1 :][0] == "\n\n"


def test_characters_in_the_order_of_unicode() -> None:
    tokenizer = character_tokenizer(["bad", "cab\n"])
    assert tokenizer.ids("\nabcd") == [0, 1, 2, 3, 4]
    assert tokenizer.encode("aéb").strings == ("a", "<unk>", "b")
    assert tokenizer.encode("a👩b").spans == ((0, 1), (1, 2), (2, 3))
    assert tokenizer.vocabulary == 8


def test_characters_need_a_text() -> None:
    with pytest.raises(BadInput, match="not empty"):
        character_tokenizer([""])
