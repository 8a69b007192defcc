"""The logit lens: what each layer would say next, if the final norm and the head read it. nostalgebraist 2020,
"interpreting GPT: the logit lens"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.reading import BATCH
from unrolled.trace.stream import Place, Stream, check_positions, check_readable


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Layer 0 is what the first block reads, layer l what block l - 1 leaves; the last is what the model says."""

    positions: Int64[np.ndarray, "position"]
    """Where it was read."""
    answer_ids: Int64[np.ndarray, "position"]
    """Tokens followed through the layers: the model's own first choice, unless others were named."""
    answer_probabilities: Float32[np.ndarray, "layer position"]
    """What each layer gives to the answer, over the whole vocabulary."""
    answer_ranks: Int64[np.ndarray, "layer position"]
    """Tokens that the layer finds more likely than the answer; 0 is its first choice."""
    top_ids: Int64[np.ndarray, "layer position top"]
    """Most likely tokens, the likeliest first."""
    top_probabilities: Float32[np.ndarray, "layer position top"]
    """Theirs."""
    entropy_bits: Float32[np.ndarray, "layer position"]
    """How unsure the layer is."""


def lens(
    model: Model,
    tokens: Tokens,
    *,
    positions: Sequence[int] | None = None,
    answers: Sequence[int] | None = None,
    top_n: int = 5,
) -> Work[Lens]:
    """Reads every layer out at these positions (None: all). `answers`: one token id for each position."""
    check_readable(model)
    if "resid" not in model.probes:
        raise ProbeNotFound(f"{model.name} has no probe 'resid': {model.why.get('resid', 'it has no such stream.')}")
    asked = list(range(len(tokens))) if positions is None else list(positions)
    check_positions(asked, len(tokens))
    if sorted(set(asked)) != asked:
        raise BadKnob("Positions are named in order, each once.")
    if answers is not None and (len(answers) != len(asked) or not all(0 <= i < model.vocabulary for i in answers)):
        raise BadKnob(f"There are {len(asked)} positions; answers are as many token ids below {model.vocabulary}.")
    top_n = min(top_n, model.vocabulary)
    places = _layers(model)
    stream = Stream(len(tokens), {place: model.blocks[place[0]] for place in places}, asked)
    yield from model.reading(tokens.ids, stream.listening)
    heard = [stream.heard[place] for place in places]
    followed = yield from _answers(model, heard[-1]) if answers is None else _given(answers, model.device)
    n_layer, n = len(places), len(asked)
    out = Lens(
        positions=np.array(asked, np.int64),
        answer_ids=followed.cpu().numpy(),
        answer_probabilities=np.empty((n_layer, n), np.float32),
        answer_ranks=np.empty((n_layer, n), np.int64),
        top_ids=np.empty((n_layer, n, top_n), np.int64),
        top_probabilities=np.empty((n_layer, n, top_n), np.float32),
        entropy_bits=np.empty((n_layer, n), np.float32),
    )
    for layer, x in enumerate(heard):
        yield Progress(layer, n_layer, "layers read out")
        for at in range(0, n, BATCH):
            stop_if_cancelled()
            _read_out(model, x, followed, out, layer, slice(at, at + BATCH))
    return out


def _layers(model: Model) -> list[Place]:
    """What the first block reads, then what each leaves."""
    return [(0, "pre"), *((number, "post") for number in range(len(model.blocks)))]


def _answers(model: Model, last: Tensor) -> Work[Tensor]:
    chosen = []
    for at in range(0, len(last), BATCH):
        yield Progress(at, len(last), "answers read out")
        chosen.append(_logits(model, last[at : at + BATCH]).argmax(dim=1))
    return torch.cat(chosen)


def _given(answers: Sequence[int], device: torch.device) -> Work[Tensor]:
    yield from ()
    return torch.tensor(list(answers), device=device)


def _logits(model: Model, x: Tensor) -> Tensor:
    assert model.readout is not None
    with torch.inference_mode():
        return model.readout(x).float()


def _read_out(model: Model, x: Tensor, answers: Tensor, out: Lens, layer: int, part: slice) -> None:
    log_p = _logits(model, x[part]).log_softmax(dim=1)
    followed = log_p.gather(1, answers[part, None])
    top = log_p.topk(out.top_ids.shape[2], dim=1)
    out.answer_probabilities[layer, part] = followed[:, 0].exp().cpu().numpy()
    out.answer_ranks[layer, part] = (log_p > followed).sum(dim=1).cpu().numpy()
    out.top_ids[layer, part], out.top_probabilities[layer, part] = top[1].cpu().numpy(), top[0].exp().cpu().numpy()
    entropy = -(log_p.exp() * log_p.masked_fill(log_p == -torch.inf, 0)).sum(dim=1) / np.log(2)
    out.entropy_bits[layer, part] = entropy.cpu().numpy()
