"""How much of the error at the end reaches step t: exact gradients at every step, by autograd.

The loss is that of the last position alone, so that whatever reaches step t has come all the way from the end. In a
recurrent model the written-out loop runs: torch's fused kernels give no gradient to h_t for t < T. Bengio et al. 1994;
Pascanu et al. 2013, §2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.output import logits_of
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import BadInput, ProbeNotFound, TextTooLong
from unrolled.models.families import family_of
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.recurrent_matrices import rescaled

LONGEST = 512
"""Tokens: everything on the way is kept for the way back."""
MOST_WEIGHTS = 20_000_000
"""Weights up to which their own gradient is computed too; SmolLM2's would take five times as long as all the rest."""

_TRIED = 3  # tokens

Target = Literal["text", "model"]
"""What the loss asks for: the text's last token, after reading the others; or the model's own likeliest next one."""

Place = tuple[str, int | None]
"""("input", None): what the first layer reads. In a recurrent layer ("h", layer), in an LSTM also ("c", layer) and
("state", layer): h and c together. In other models ("resid", layer): the residual stream that the block leaves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gradients:
    """dL/dx at every step of the text, for every x there is."""

    model: str
    tokens: Tokens
    """What was read."""
    target: int
    """Token whose loss it is."""
    loss: float
    """-ln p(target) after the last of them, in nats."""
    at: Mapping[Place, Float64[np.ndarray, "token unit"]]
    """h: everything that h_t feeds counts, the next step and the layer above. c: everything that c_t feeds, h_t
    included. state: what is carried on from t to t + 1, h_t as above and c_t by itself, without its way through h_t."""
    parameter_norm: float
    """Length of the gradient by all weights together, what clipping looks at; NaN beyond MOST_WEIGHTS."""

    def norms(self, place: Place) -> Float64[np.ndarray, "token"]:
        """Length of the gradient at each step."""
        length: np.ndarray = np.sqrt((self.at[place] ** 2).sum(axis=1))
        return length


def gradients(model: Model, tokens: Tokens, *, target: Target = "text", radius: float | None = None) -> Work[Gradients]:
    """One way forward and one way back. `radius`: with every recurrent matrix scaled so that its largest eigenvalue has
    this magnitude, in a copy. BadInput, TextTooLong, ProbeNotFound."""
    n = _check(model, tokens, target)
    read = replace(tokens, ids=tokens.ids[:n], strings=tokens.strings[:n], spans=tokens.spans[:n])
    module = model.module if radius is None else (yield from rescaled(model, radius))
    yield Progress(0, 1, f"{model.name}: forward and back")
    stop_if_cancelled()
    with model.running(), torch.inference_mode(False), torch.enable_grad(), _weighed(model, module) as squares:
        heard = _Heard(model, module)
        with heard.listening():
            logits = _last_logits(module, as_row(read.ids, model.device))
        answer = tokens.ids[n] if target == "text" else int(logits.argmax())
        loss = F.cross_entropy(logits[None], torch.tensor([answer], device=model.device))
        _back(model, loss.backward)
        at = heard.gradients(len(read))
    return Gradients(
        model=model.name,
        tokens=read,
        target=answer,
        loss=float(loss.detach()),
        at=at,
        parameter_norm=float(np.sqrt(sum(squares))) if squares else math.nan,
    )


def _back(model: Model, run: Callable[[], object]) -> None:
    try:
        run()
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise ProbeNotFound(
            f"{model.name} overwrites numbers that the way back needs: no gradient of it can be shown."
        ) from error


def check_steps(model: Model) -> None:
    """ProbeNotFound for one in which there is nothing that a gradient could be shown at."""
    if "logits" not in model.probes or not model.probes & {"h", "resid"}:
        raise ProbeNotFound(
            f"{model.name} has neither the probes 'logits' and 'h' of a recurrent language model nor 'logits' and"
            " 'resid' of a Transformer: there is no step that a gradient could be shown at."
        )


def check_way_back(model: Model) -> None:
    """ProbeNotFound for one that has such steps, and no way back to them. Foreign ones are tried on a few tokens."""
    check_steps(model)
    if family_of(model.module) is None:
        with model.running(), torch.inference_mode(False), torch.enable_grad(), _weighed(model, model.module):
            heard = _Heard(model, model.module)
            with heard.listening():
                logits = _last_logits(model.module, as_row([0] * min(_TRIED, model.context), model.device))
            # of inputs by name: no weight of the reader's keeps a gradient
            on_the_way = [*heard.tensors, *(x for x in model.module.parameters() if x.requires_grad)]
            _back(model, lambda: torch.autograd.grad(logits.sum(), on_the_way, allow_unused=True))


def _check(model: Model, tokens: Tokens, target: Target) -> int:
    """How many tokens are read."""
    check_steps(model)
    n = len(tokens) - (target == "text")
    if n < 1:
        raise BadInput(
            f"“{tokens.text}” is one token for {model.name}: to read some and be asked for the last, there must be"
            " two. Type another word, or ask for the model's own next token."
        )
    if n > LONGEST:
        raise TextTooLong(
            f"The text has {n:,} tokens for {model.name}; gradients go back through {LONGEST} at most. Give a"
            " shorter piece of it."
        )
    return n


def _last_logits(module: nn.Module, ids: Tensor) -> Tensor:
    """(vocabulary,) after the last position. A recurrent model of ours runs written out."""
    if family_of(module) is not None:
        written_out = {"written_out": True} if hasattr(module, "layers") else {}
        logits: Tensor = module(ids, last_only=True, **written_out)
        return logits[0, -1]
    return logits_of(module, ids)[0, -1]


@contextmanager
def _weighed(model: Model, module: nn.Module) -> Iterator[list[float]]:
    """With gradients for the weights too, of which only the squares stay; afterwards as before."""
    squares: list[float] = []
    weights = list(module.parameters()) if model.parameters <= MOST_WEIGHTS else []

    def summed(weight: Tensor) -> None:
        assert weight.grad is not None
        squares.append(float(weight.grad.double().pow(2).sum()))
        weight.grad = None

    with ExitStack() as hooks:
        for weight in weights:
            hooks.callback(weight.requires_grad_, weight.requires_grad)
            weight.requires_grad_(True)
            handle: Any = weight.register_post_accumulate_grad_hook(summed)  # type: ignore[no-untyped-call]
            hooks.callback(handle.remove)
        yield squares


class _Heard:
    """Tensors on the way whose gradients are wanted."""

    def __init__(self, model: Model, module: nn.Module) -> None:
        blocks = list(model.blocks) if module is model.module else list(module.layers)  # type: ignore[arg-type]
        self._blocks = blocks
        self._points = sorted(model.probes & {"h", "c", "gate.forget"}) if "h" in model.probes else []
        self._kept: dict[tuple[str, int | None], list[Tensor]] = {}

    @property
    def tensors(self) -> list[Tensor]:
        """All of them."""
        return [tensor for each in self._kept.values() for tensor in each]

    @contextmanager
    def listening(self) -> Iterator[None]:
        with ExitStack() as hooks:
            first = self._blocks[0].register_forward_pre_hook(self._before, with_kwargs=True)
            hooks.callback(first.remove)
            for layer, block in enumerate(self._blocks):
                points = {name: block.get_submodule(name) for name in self._points} or {"resid": block}
                for name, point in points.items():
                    hooks.callback(point.register_forward_hook(self._after((name, layer))).remove)
            yield

    def _before(self, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Where weights have no gradients, this is where gradients begin."""
        x: Tensor = inputs[0] if inputs else named["hidden_states"]
        x = x if x.requires_grad else x.detach().requires_grad_()
        self._keep(("input", None), x)
        return ((x, *inputs[1:]), named) if inputs else (inputs, named | {"hidden_states": x})

    def _after(self, place: Place) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self._keep(place, output if isinstance(output, Tensor) else output[0])

        return hook

    def _keep(self, place: Place, x: Tensor) -> None:
        x.retain_grad()
        self._kept.setdefault(place, []).append(x)

    def gradients(self, n: int) -> dict[Place, np.ndarray]:
        """After the way back: (token, unit) of each place."""
        at = {place: _stacked(kept, n) for place, kept in self._kept.items() if place[0] != "gate.forget"}
        for layer in [layer for name, layer in at if name == "c"]:
            forget = torch.cat(self._kept["gate.forget", layer]).detach().double().cpu().numpy()
            at["state", layer] = np.concatenate([at["h", layer], _carried(at["c", layer], forget)], axis=1)
        return at


def _stacked(kept: list[Tensor], n: int) -> np.ndarray:
    """Of a tensor (1, token, unit), or of one a step (1, unit). What the loss does not depend on has none: 0."""
    found = [torch.zeros_like(x) if x.grad is None else x.grad for x in kept]
    rows = torch.cat(found)[0] if len(found) == 1 and found[0].ndim == 3 else torch.cat(found)
    assert len(rows) == n, "a point was not passed once a step: the loop did not run written out"
    return rows.double().cpu().numpy()


def _carried(cell: np.ndarray, forget: np.ndarray) -> np.ndarray:
    """dL/dc_t by way of c_{t+1} = f_{t+1} ∘ c_t + … alone: f_{t+1} ∘ dL/dc_{t+1}; nothing follows the last."""
    out = np.zeros_like(cell)
    out[:-1] = forget[1:] * cell[1:]
    return out
