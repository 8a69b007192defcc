"""Streaming: the tokens of the whole text, a file that is whole or not there, memory that does not grow."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, trainers

from unrolled.errors import BadInput, EmptyText
from unrolled.progress import Progress, finish
from unrolled.text import (
    Tokenizer,
    byte_tokenizer,
    character_tokenizer,
    corpus,
    streaming,
    token_file,
    tokenise_to_file,
    train_bpe,
)

BOOK = corpus("children").validation
BPE = train_bpe([BOOK], 1024)


def gpt2_like() -> Tokenizer:
    """GPT-2's pattern, which splits an empty line in two, unlike ours."""
    tk = tokenizers.Tokenizer(models.BPE())
    tk.pre_tokenizer, tk.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=800, initial_alphabet=alphabet, show_progress=False)
    tk.train_from_iterator([BOOK], trainer)
    return Tokenizer.from_tokenizers(tk)


def word_pieces() -> Tokenizer:
    tk = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tk.pre_tokenizer, tk.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=800, special_tokens=["[UNK]"], show_progress=False)
    tk.train_from_iterator([BOOK], trainer)
    return Tokenizer.from_tokenizers(tk)


TOKENIZERS = {"bpe": BPE, "bytes": byte_tokenizer(), "gpt2": gpt2_like(), "wordpiece": word_pieces()}
TEXTS = {
    "paragraphs": BOOK[:30_000],
    "one line": BOOK[:30_000].replace("\n", " "),
    "ragged spaces": BOOK[:30_000].replace("\n", "  \n \n").replace(". ", ".  "),
    "no spaces": "漢字かな交じり文。" * 800,
}


@pytest.fixture
def small_pieces(monkeypatch) -> None:
    monkeypatch.setattr(streaming, "PIECE", 700)
    monkeypatch.setattr(streaming, "WINDOW", 100)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokens_are_those_of_the_whole(tmp_path, name: str, text: str) -> None:
    tokenizer, out = TOKENIZERS[name], tmp_path / "tokens.bin"
    count = finish(tokenise_to_file([TEXTS[text]], tokenizer, out))
    ids = token_file(out, tokenizer.vocabulary)
    assert isinstance(ids, np.memmap)
    assert ids.tolist() == tokenizer.ids(TEXTS[text])
    assert count == len(ids)
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.usefixtures("small_pieces")
def test_cuts_at_any_place_would_be_noticed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(streaming, "cut", lambda text, tokenizer, limit: limit)
    out = tmp_path / "tokens.bin"
    finish(tokenise_to_file([BOOK[:30_000]], BPE, out))
    assert token_file(out, BPE.vocabulary).tolist() != BPE.ids(BOOK[:30_000])


@given(ends=st.lists(st.integers(0, 6_000), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@pytest.mark.usefixtures("small_pieces")
def test_parts_may_end_anywhere(tmp_path, ends: list[int]) -> None:
    text, places = BOOK[:6_000], [0, *sorted(ends), 6_000]
    parts = [text[a:b] for a, b in pairwise(places)]
    finish(tokenise_to_file(parts, BPE, tmp_path / "tokens.bin"))
    assert token_file(tmp_path / "tokens.bin", BPE.vocabulary).tolist() == BPE.ids(text)


@pytest.mark.usefixtures("small_pieces")
def test_a_file_is_followed_to_its_end(tmp_path) -> None:
    path = tmp_path / "book.txt"
    path.write_text(BOOK, encoding="utf-8", newline="")
    seen: list[Progress] = []
    finish(tokenise_to_file(path, BPE, tmp_path / "tokens.bin"), seen.append)
    assert token_file(tmp_path / "tokens.bin", BPE.vocabulary).tolist() == BPE.ids(BOOK)
    assert [at.done for at in seen] == sorted(at.done for at in seen)
    assert len(seen) > 5
    assert seen[-1].done == seen[-1].total == path.stat().st_size


def test_a_large_vocabulary_takes_four_bytes(tmp_path) -> None:
    text = "".join(map(chr, [*range(0x20, 0xD800), *range(0x10000, 0x10000 + 12_000)]))
    tokenizer, out = character_tokenizer([text]), tmp_path / "tokens.bin"
    assert tokenizer.vocabulary > 1 << 16
    finish(tokenise_to_file([text], tokenizer, out))
    ids = token_file(out, tokenizer.vocabulary)
    assert (ids.dtype, out.stat().st_size) == (np.uint32, 4 * len(text))
    assert ids.tolist() == tokenizer.ids(text) == list(range(len(text)))
    assert token_file(out, BPE.vocabulary).dtype == np.uint16


def broken_off() -> Iterator[str]:
    yield BOOK[:20_000]
    raise BadInput("the text ends here")


@pytest.mark.usefixtures("small_pieces")
def test_the_old_file_stays_when_something_comes_between(tmp_path) -> None:
    out = tmp_path / "tokens.bin"
    out.write_bytes(b"old")
    with pytest.raises(BadInput, match="ends here"):
        finish(tokenise_to_file(broken_off(), BPE, out))
    work = tokenise_to_file([BOOK], BPE, out)
    next(work)
    assert len(list(tmp_path.iterdir())) == 2
    work.close()
    assert (list(tmp_path.iterdir()), out.read_bytes()) == ([out], b"old")


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are POSIX's")
def test_a_disk_without_room_is_said(tmp_path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(BadInput, match=r"tokens\.bin” cannot be written: File too large\."):
            finish(tokenise_to_file([BOOK], BPE, tmp_path / "tokens.bin"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"tokens\.bin” cannot be written: No such file or directory\."):
        finish(tokenise_to_file(["text"], BPE, tmp_path / "nowhere" / "tokens.bin"))


def test_no_text_is_said(tmp_path) -> None:
    with pytest.raises(EmptyText):
        finish(tokenise_to_file([], BPE, tmp_path / "tokens.bin"))
    assert not list(tmp_path.iterdir())


def peak_of(times: int, out: Path) -> int:
    """Bytes of Python's memory at most while a text of `times` × 30 kB is tokenised."""
    tracemalloc.start()
    try:
        finish(tokenise_to_file((BOOK[:30_000] for _ in range(times)), BPE, out))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("small_pieces")
def test_memory_does_not_grow_with_the_text(tmp_path, monkeypatch) -> None:
    short, long = peak_of(2, tmp_path / "a"), peak_of(16, tmp_path / "b")
    assert long < 1.5 * short
    monkeypatch.setattr(streaming, "AT_ONCE", 10**9)  # all pieces in one go
    assert peak_of(16, tmp_path / "c") > 3 * short
