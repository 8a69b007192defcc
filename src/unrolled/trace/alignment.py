"""Where an encoder-decoder looked in the source before it wrote each token of a target.

Row i belongs to the token that was written then, not to the one that the decoder read: Bahdanau et al. 2015, eq. 5 and
6, weigh the source by the state s_{i-1} and write y_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.weighing import Attention, scores_of
from unrolled.progress import Work
from unrolled.text import Tokens
from unrolled.trace.recording import record


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """One head's attention from decoder to encoder, and what it is made of."""

    source: Tokens
    """What the encoder read."""
    written: Tokens
    """What the decoder wrote, or was made to write."""
    scores: Float64[np.ndarray, "target source"] | None
    """What the softmax takes: the energies of Bahdanau et al. 2015. None where the model gives weights only."""
    weights: Float64[np.ndarray, "target source"]
    """Rows of the softmax."""
    query: Float64[np.ndarray, "target d"] | None
    """What was compared: of the decoder's state, before each token."""
    key: Float64[np.ndarray, "source d"] | None
    """And of each source token."""
    attention: Attention
    """How the one becomes the other."""
    n_layer: int
    """Layers that look at the source."""
    n_head: int
    """Heads a layer."""

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return sum(part.nbytes for part in (self.scores, self.weights, self.query, self.key) if part is not None)


def align(model: Model, source: Tokens, written: Tokens, *, layer: int = 0, head: int = 0) -> Work[Alignment]:
    """Reads source and target once more; the decoder reads each token after it was written.

    Raises:
        ProbeNotFound: the decoder looks at no source.
        BadKnob: no such layer or head.
    """
    if model.ear is None or "cross" not in model.ear.kinds:
        why = model.why.get("attn", "it has no attention from a decoder to an encoder.")
        raise ProbeNotFound(f"{model.name} does not look back at its source: {why}")
    trace = yield from record(model, source, target=read_for(model, written))
    for name, given, most in (("layer", layer, trace.n_layer("cross")), ("head", head, trace.n_head("cross"))):
        if not 0 <= given < most:
            raise BadKnob(f"{name} was {given}; {model.name} looks back in {name}s 0 to {most - 1}.")
    heard = trace.layers["cross"][layer]
    scores = query = key = None
    if heard.query is not None and heard.key is not None:
        group = head * len(heard.key) // heard.attention.n_head
        query, key = heard.query[head : head + 1], heard.key[group : group + 1]
        rows = torch.arange(heard.n_query, device=query.device)
        scores = _scores(heard.attention, query, key, rows, head)
    return Alignment(
        source=source,
        written=written,
        scores=scores,
        weights=trace.weights(layer, head, kind="cross").astype(np.float64) if scores is None else softmax(scores),
        query=None if query is None else _wide(query[0]),
        key=None if key is None else _wide(key[0]),
        attention=heard.attention,
        n_layer=trace.n_layer("cross"),
        n_head=trace.n_head("cross"),
    )


def read_for(model: Model, written: Tokens) -> Tokens:
    """What the decoder reads so as to write these: its first token, then all of them but the last."""
    start = model.encode_target("")
    return Tokens(
        text=written.text,
        ids=(*start.ids, *written.ids[:-1]),
        strings=(*start.strings, *written.strings[:-1]),
        spans=(*start.spans, *written.spans[:-1]),
    )


def target_tokens(model: Model, text: str) -> Tokens:
    """A target that a reader gave, as the model would have written it; one of ours then also ends it."""
    read = model.encode_target(text)
    n = len(model.encode_target(""))
    ids, strings, spans = read.ids[n:], read.strings[n:], read.spans[n:]
    eos = getattr(getattr(model.module, "config", None), "eos_id", None)
    if eos is not None:
        ids, strings = (*ids, eos), (*strings, model.tokenizer.piece(eos))
        spans = (*spans, (len(text), len(text)))
    return Tokens(text=text, ids=ids, strings=strings, spans=spans)


def softmax(scores: Float64[np.ndarray, "row column"]) -> Float64[np.ndarray, "row column"]:
    """Each row's shares."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


@torch.inference_mode()
def _scores(attention: Attention, query: Tensor, key: Tensor, rows: Tensor, head: int) -> np.ndarray:
    return _wide(scores_of(attention, query.double(), key.double(), rows, head)[0])


def _wide(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.double().cpu().numpy()
    return array
