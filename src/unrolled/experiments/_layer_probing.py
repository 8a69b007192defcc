"""Linear probes on every layer's residual stream, trained on some words and asked about others.

Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"; control tasks after Hewitt &
Liang 2019, "Designing and Interpreting Probes with Control Tasks". Words and cues come in FOLDS parts, and a text takes
both from one part: a probe is asked about texts of a part that it has seen no word and no cue of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from unrolled.checkpoints import Model
from unrolled.models.gpt import GPT
from unrolled.progress import Progress, Work, stop_if_cancelled

FOLDS = 4
_RIDGE = 0.1
"""Added to the kernel's diagonal, whose mean is 1."""
_ROWS = 32
"""Texts of equal length that are read together."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """What the stream at a text's last word is asked for."""

    name: str
    about: str
    """syntax or meaning"""
    asks: str
    """The question, in words."""
    back: int
    """Words between the nearest cue and the probed word, and one."""
    templates: tuple[str, ...]
    words: tuple[str, ...]
    """The probed ones; each stands with every label."""
    cues: Mapping[str, tuple[str, ...]]
    """Label -> words that say so."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Texts of one property."""

    texts: tuple[str, ...]
    labels: Int64[np.ndarray, "text"]
    """Number of the label."""
    folds: Int64[np.ndarray, "text"]
    """The part that word and cues are from."""
    types: Int64[np.ndarray, "text"]
    """Number of the word whose identity might give the label away: the cue."""


@cache
def properties() -> tuple[Property, ...]:
    """All six."""
    written = tomllib.loads((resources.files(__package__) / "_layer_sentences.toml").read_text("utf-8"))
    return tuple(
        Property(
            name=row["name"],
            about=row["about"],
            asks=row["asks"],
            back=row["back"],
            templates=tuple(row["templates"]),
            words=tuple(row["words"]),
            cues={label: tuple(cues) for label, cues in row["cues"].items()},
        )
        for row in written["property"]
    )


def texts_of(asked: Property, n: int, drawn: np.random.Generator) -> Texts:
    """`n` texts, all labels and parts equally often; which words belong to which part is drawn anew."""
    labels, words = list(asked.cues), drawn.permutation(asked.words)
    order = drawn.permutation(len(next(iter(asked.cues.values()))))  # the same for all labels: keys go with key
    texts, said = [], []
    for number in range(n):
        label, fold = number % len(labels), number // len(labels) % FOLDS
        places = drawn.permutation(order[fold::FOLDS])
        cue, second, third = (asked.cues[labels[label]][place] for place in places[:3])
        template = asked.templates[drawn.integers(len(asked.templates))]
        word = drawn.choice(words[fold::FOLDS])
        texts.append(template.format(cue=cue, second=second, third=third, word=word))
        said.append((label, fold, len(order) * label + int(places[0])))
    columns = np.array(said).T
    return Texts(texts=tuple(texts), labels=columns[0], folds=columns[1], types=columns[2])


def draw_anew(model: Model, seed: int) -> None:
    """Every matrix and table gets normal entries of the mean and spread that it had; norms and biases stay."""
    random = torch.Generator().manual_seed(seed)
    for parameter in model.module.parameters():
        if parameter.ndim >= 2:
            entries = torch.randn(parameter.shape, generator=random)
            parameter.data = entries * parameter.std() + parameter.mean()


def streams(model: Model, texts: Sequence[str]) -> Work[Float64[np.ndarray, "layer text unit"]]:
    """The residual stream at each text's last word: what the first block reads, then what each block leaves."""
    ids = [model.encode(text).ids for text in texts]
    last = -1 - len(model.frame.after)
    by_length: dict[int, list[int]] = {}
    for number, each in enumerate(ids):
        by_length.setdefault(len(each), []).append(number)
    found: np.ndarray | None = None
    for length, numbers in by_length.items():
        for at in range(0, len(numbers), _ROWS):
            yield Progress(at, len(numbers), f"texts of {length} tokens read")
            stop_if_cancelled()
            rows = numbers[at : at + _ROWS]
            heard = _read(model, torch.tensor([ids[row] for row in rows], device=model.device), last)
            found = np.empty((len(heard), len(texts), heard.shape[2])) if found is None else found
            found[:, rows] = heard
    assert found is not None
    return found


def _read(model: Model, ids: Tensor, last: int) -> np.ndarray:
    """ids (row, position) -> (layer, row, unit) at position `last`."""
    heard: list[Tensor] = []
    with model.running() as module, _listening(model.blocks, heard, last):
        module(ids, last_only=True) if isinstance(module, GPT) else module(ids)
    found: np.ndarray = torch.stack(heard).double().cpu().numpy()
    return found


@contextmanager
def _listening(blocks: Sequence[nn.Module], heard: list[Tensor], last: int) -> Iterator[None]:
    def before(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        heard.append((inputs[0] if inputs else named["hidden_states"])[:, last])

    def after(module: nn.Module, inputs: Any, output: Any) -> None:
        heard.append((output if isinstance(output, Tensor) else output[0])[:, last])

    with ExitStack() as hooks:
        hooks.callback(blocks[0].register_forward_pre_hook(before, with_kwargs=True).remove)
        for block in blocks:
            hooks.callback(block.register_forward_hook(after).remove)
        yield


def accuracies(
    x: Float64[np.ndarray, "text unit"], labels: Sequence[Int64[np.ndarray, "text"]], folds: Int64[np.ndarray, "text"]
) -> list[float]:
    """For each labelling the share of texts labelled rightly by a probe that was trained on the other parts."""
    right = np.zeros(len(labels))
    for fold in np.unique(folds):
        test = folds == fold
        answers = _answers(x[~test], [each[~test] for each in labels], x[test])
        right += [(said == each[test]).sum() for said, each in zip(answers, labels, strict=True)]
    return [float(share) for share in right / len(folds)]


def _answers(x: np.ndarray, labels: Sequence[np.ndarray], asked: np.ndarray) -> list[np.ndarray]:
    """Ridge regression on ±1 for each label, over standardised units; the label of the largest value."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    x, asked = (x - middle) / spread, (asked - middle) / spread
    wanted = [2.0 * (each[:, None] == np.arange(each.max() + 1)) - 1 for each in labels]
    centres = [each.mean(axis=0) for each in wanted]
    kernel = x @ x.T / x.shape[1] + _RIDGE * np.eye(len(x))
    to_left = np.concatenate([each - middle for each, middle in zip(wanted, centres, strict=True)], axis=1)
    values = asked @ x.T / x.shape[1] @ np.linalg.solve(kernel, to_left)
    ends = np.cumsum([each.shape[1] for each in wanted])[:-1]
    split = np.split(values, ends, axis=1)
    return [(value + middle).argmax(axis=1) for value, middle in zip(split, centres, strict=True)]


def above_chance(share: float, labels: int) -> float:
    """0 at chance, 1 where all is right."""
    return (share - 1 / labels) / (1 - 1 / labels)


def centre(scores: Sequence[float]) -> float:
    """Where, as a share of the depth, a score is gained: Σ ℓ Δ(ℓ) / (L Σ Δ(ℓ)) over the gains Δ(ℓ) of the best score
    so far, as the expected layer of Tenney et al. 2019, "BERT Rediscovers the Classical NLP Pipeline", §3.2."""
    best = np.maximum.accumulate(np.maximum(np.asarray(scores, dtype=float), 0))
    gains = np.diff(best, prepend=0)
    return float((gains * np.arange(len(best))).sum() / ((len(best) - 1) * gains.sum())) if gains.sum() else 0.0
