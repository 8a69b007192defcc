"""What is learnt from, made ready once: texts become files of token ids in the run folder, memory-mapped from then on.

tokens/train.bin        ids, two bytes each where the vocabulary allows, else four
tokens/held_out.bin
tokens/*.ends.bin       of sentence pairs: where each source and each target ends, in turn, eight bytes each
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tokenizers

from unrolled import text as texts
from unrolled.errors import BadInput, EmptyText, NotFound
from unrolled.progress import Progress, Work
from unrolled.text import Tokenizer
from unrolled.text.streaming import token_type
from unrolled.text.vocabularies import LANGUAGE_MODEL, PAIRS
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


def ends_file(path: Path) -> np.ndarray:
    """Where sources and targets end."""
    return np.memmap(path, dtype=np.int64, mode="r")


def _prepare_text(recipe: Recipe, folder: Path) -> Work[tuple[Tokenizer, Material]]:
    parts = _parts(recipe.text)
    yield Progress(0, 1, "making a vocabulary")
    tokenizer = _tokenizer(recipe.text, parts.train())
    n_train = yield from texts.tokenise_to_file(parts.train(), tokenizer, folder / "train.bin")
    n_held_out = yield from texts.tokenise_to_file(parts.held_out(), tokenizer, folder / "held_out.bin")
    context = recipe.model.get("context", 1)
    if n_train <= context or n_held_out < 2:
        raise BadInput(
            f"“{recipe.text.source}” gives {n_train} tokens to learn from and {n_held_out} to measure on; a window is"
            f" {context} tokens and one more: give more text, or a smaller window, as --set model.context=32."
        )
    n_bytes = sum(len(part.encode()) for part in parts.held_out())
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


@dataclass(frozen=True)
class _Parts:
    """A text in two parts, each read anew whenever it is asked for."""

    train: Callable[[], Iterable[str]]
    held_out: Callable[[], Iterable[str]]


def _parts(source: Source) -> _Parts:
    """What is learnt from, and what is held out: by book in shipped texts, the end of the reader's own."""
    if source.source in texts.CORPORA:
        corpus = texts.corpus(source.source)
        return _Parts(lambda: [corpus.train], lambda: [corpus.validation])
    path = Path(source.source)
    if not path.exists() and len(path.parts) == 1 and not path.suffix:
        raise NotFound(f"There is no text “{path}”; there are {', '.join(texts.CORPORA)}, or your own file or folder.")
    if not any(block.strip() for block in texts.text_blocks(path)):
        raise EmptyText(f"“{path}” is empty: there is no text in it.")
    end = round((1 - source.held_out) * sum(file.stat().st_size for file in texts.text_files(path)))
    return _Parts(lambda: (a for a, _ in _cut(path, end) if a), lambda: (b for _, b in _cut(path, end) if b))


def _cut(path: Path, end: int) -> Iterator[tuple[str, str]]:
    """Each block of a text: what of it is before byte `end` or the last line's end before that, and the rest."""
    read = 0
    for block in texts.text_blocks(path):
        encoded = block.encode()
        place = len(encoded[: max(end - read, 0)].decode(errors="ignore"))
        if place < len(block):
            place = block.rfind("\n", 0, place) + 1 or place
        yield block[:place], block[place:]
        read += len(encoded)


def _tokenizer(source: Source, train: Iterable[str], special: Sequence[str] = LANGUAGE_MODEL) -> Tokenizer:
    if source.tokenizer == "bpe":
        return texts.train_bpe(train, source.vocabulary, special=special)
    if source.tokenizer == "bytes":
        return texts.byte_tokenizer(special=special)
    if source.tokenizer == "characters":
        return texts.character_tokenizer(train, special=special)
    path = Path(source.tokenizer)
    if path.suffix != ".json":
        raise BadInput(f"There is no tokenizer “{path}”; there are bpe, bytes, characters, or a tokenizer.json.")
    try:
        return Tokenizer.from_tokenizers(tokenizers.Tokenizer.from_file(str(path)))
    except Exception as error:  # the library raises plain Exception
        raise BadInput(f"“{path}” is no tokenizer: {error}.") from error


def _write_pairs(folder: Path, name: str, tokenizer: Tokenizer, pairs: Sides, longest: int) -> tuple[int, int]:
    """Tokens of targets written, their ends among them; and how many pairs were left out."""
    ids = [(tokenizer.ids(source), tokenizer.ids(target)) for source, target in pairs]
    kept = [pair for pair in ids if 0 < max(map(len, pair)) <= longest and min(map(len, pair)) > 0]
    flat = np.fromiter(_flat(kept), dtype=token_type(tokenizer.vocabulary))
    flat.tofile(folder / f"{name}.bin")
    np.cumsum([len(side) for pair in kept for side in pair], dtype=np.int64).tofile(folder / f"{name}.ends.bin")
    return sum(len(target) + 1 for _, target in kept), len(ids) - len(kept)


def _flat(pairs: Iterable[tuple[list[int], list[int]]]) -> Iterator[int]:
    for source, target in pairs:
        yield from source
        yield from target
