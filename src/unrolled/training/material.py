"""What is learnt from, made ready once: texts become files of token ids in the run folder, memory-mapped from then on.

tokens/train.bin        ids, two bytes each where the vocabulary allows, else four
tokens/held_out.bin
tokens/*.ends.bin       of sentence pairs: where each source and each target ends, in turn, eight bytes each
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from unrolled import text as texts
from unrolled.errors import BadInput
from unrolled.progress import Progress, Work
from unrolled.text import Tokenizer
from unrolled.text.vocabularies import PAIRS
from unrolled.training.recipe import Recipe, Source

TOKENS = "tokens"
Sides = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Material:
    """Facts about the token files, kept in config.toml."""

    train_tokens: int
    """What is learnt from."""
    held_out_tokens: int
    """What is only measured on."""
    held_out_bytes: int
    """The same in bytes of UTF-8."""
    too_long: int = 0
    """Sentence pairs left out because a side is longer than the model's context."""


def prepare(recipe: Recipe, folder: Path) -> Work[tuple[Tokenizer, Material]]:
    """Writes `folder`/tokens and gives the tokenizer, made from what is learnt from if it is not there already."""
    (folder / TOKENS).mkdir()
    if recipe.text.pairs is not None:
        return (yield from _prepare_pairs(recipe, recipe.text.pairs, folder / TOKENS))
    return (yield from _prepare_text(recipe, folder / TOKENS))


def token_file(path: Path, vocabulary: int) -> np.ndarray:
    """The ids of a file, memory-mapped."""
    return np.memmap(path, dtype=_stored(vocabulary), mode="r")


def ends_file(path: Path) -> np.ndarray:
    """Where sources and targets end."""
    return np.memmap(path, dtype=np.int64, mode="r")


def _prepare_text(recipe: Recipe, folder: Path) -> Work[tuple[Tokenizer, Material]]:
    train, held_out = _parts(recipe.text)
    yield Progress(0, 3, "making a vocabulary")
    tokenizer = _tokenizer(recipe.text, train, special=None)
    yield Progress(1, 3, "splitting the text into tokens")
    n_train = _write(folder / "train.bin", tokenizer, train)
    yield Progress(2, 3, "splitting the held-out text into tokens")
    n_held_out = _write(folder / "held_out.bin", tokenizer, held_out)
    context = recipe.model.get("context", 1)
    if n_train <= context or n_held_out < 2:
        raise BadInput(
            f"“{recipe.text.source}” gives {n_train} tokens to learn from and {n_held_out} to measure on; a window is"
            f" {context} tokens and one more: give more text, or a smaller window with --set model.context=32."
        )
    n_bytes = sum(len(part.encode()) for part in held_out)
    return tokenizer, Material(train_tokens=n_train, held_out_tokens=n_held_out, held_out_bytes=n_bytes)


def _prepare_pairs(recipe: Recipe, name: str, folder: Path) -> Work[tuple[Tokenizer, Material]]:
    sentences = texts.pairs(name)
    yield Progress(0, 3, "making a vocabulary")
    sides = [side for pair in sentences.train for side in pair]
    tokenizer = _tokenizer(recipe.text, sides, special=PAIRS)
    longest = recipe.model.get("context", 512) - 1  # one place is for the end
    yield Progress(1, 3, "splitting the pairs into tokens")
    n_train, long = _write_pairs(folder, "train", tokenizer, sentences.train, longest)
    yield Progress(2, 3, "splitting the held-out pairs into tokens")
    n_held_out, _ = _write_pairs(folder, "held_out", tokenizer, sentences.validation, longest)
    if not (n_train and n_held_out):
        raise BadInput(f"No pair of “{name}” fits a context of {longest + 1} tokens: --set model.context=… makes room.")
    n_bytes = sum(len(target.encode()) for _, target in sentences.validation)
    return tokenizer, Material(train_tokens=n_train, held_out_tokens=n_held_out, held_out_bytes=n_bytes, too_long=long)


def _parts(source: Source) -> tuple[list[str], list[str]]:
    """What is learnt from, and what is held out: by book in shipped texts, the end of the reader's own."""
    if source.source in texts.CORPORA:
        corpus = texts.corpus(source.source)
        return list(corpus.books("train")), list(corpus.books("validation"))
    whole = texts.read_text(Path(source.source))
    cut = round(len(whole) * (1 - source.held_out))
    cut = whole.rfind("\n", 0, cut) + 1 or cut  # at a line's end, if there is one
    return [whole[:cut]], [whole[cut:]]


def _tokenizer(source: Source, train: Iterable[str], special: Any) -> Tokenizer:
    extra = {} if special is None else {"special": special}
    if source.tokenizer == "bpe":
        return texts.train_bpe(train, source.vocabulary, **extra)
    if source.tokenizer == "bytes":
        return texts.byte_tokenizer(**extra)
    if source.tokenizer == "characters":
        return texts.character_tokenizer(train, **extra)
    path = Path(source.tokenizer)
    if path.suffix != ".json":
        raise BadInput(f"There is no tokenizer “{path}”; there are bpe, bytes, characters, or a tokenizer.json.")
    try:
        return Tokenizer.from_tokenizers(tokenizers.Tokenizer.from_file(str(path)))
    except Exception as error:  # the library raises plain Exception
        raise BadInput(f"“{path}” is no tokenizer: {error}.") from error


def _write(path: Path, tokenizer: Tokenizer, parts: Iterable[str]) -> int:
    dtype, count = _stored(tokenizer.vocabulary), 0
    with path.open("wb") as file:
        for part in parts:
            ids = np.asarray(tokenizer.ids(part), dtype=dtype)
            file.write(ids.tobytes())
            count += len(ids)
    return count


def _write_pairs(folder: Path, name: str, tokenizer: Tokenizer, pairs: Sides, longest: int) -> tuple[int, int]:
    """Tokens of targets written, their ends among them; and how many pairs were left out."""
    ids = [(tokenizer.ids(source), tokenizer.ids(target)) for source, target in pairs]
    kept = [pair for pair in ids if 0 < max(map(len, pair)) <= longest and min(map(len, pair)) > 0]
    flat = np.fromiter(_flat(kept), dtype=_stored(tokenizer.vocabulary))
    flat.tofile(folder / f"{name}.bin")
    np.cumsum([len(side) for pair in kept for side in pair], dtype=np.int64).tofile(folder / f"{name}.ends.bin")
    return sum(len(target) + 1 for _, target in kept), len(ids) - len(kept)


def _flat(pairs: Iterable[tuple[list[int], list[int]]]) -> Iterator[int]:
    for source, target in pairs:
        yield from source
        yield from target


def _stored(vocabulary: int) -> type[np.uint16] | type[np.uint32]:
    return np.uint16 if vocabulary <= 1 << 16 else np.uint32
