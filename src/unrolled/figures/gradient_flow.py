"""How much of the error at the end reaches step t?

A network learns what an earlier word had to do with a late mistake only as far as the mistake's gradient comes back to
it. On the way it is multiplied once a step. First as one factor; then measured, in real networks, at every step; then
the matrices that one step multiplies by; last, two units for a pencil, which do what one factor cannot. Hochreiter
1991; Bengio et al. 1994; Pascanu et al. 2013.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.checkpoints.first import at_start, provenance_at_start
from unrolled.figures import _two_units as two
from unrolled.figures._gradient_flow_results import Flow, Powers, StepJacobians, TwoUnits
from unrolled.figures._inputs import Models, Text
from unrolled.figures._knobs import Below, Choice, Range
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Progress, Work
from unrolled.provenance import Provenance
from unrolled.trace.gradients import Gradients, Place, Target, check_way_back, gradients
from unrolled.trace.jacobians import jacobians as step_jacobians
from unrolled.trace.jacobians import step_jacobian
from unrolled.trace.recurrent_matrices import recurrent_matrices

Weights = Annotated[str, Choice("trained", "start")]
Entry = Annotated[float, Range(-2, 2, step=0.05)]
VANISHED, EXPLODED = 1e-3, 1e3


_FACTOR = Formula(
    r"\left|\frac{\partial L}{\partial h_{T-k}}\right| = a^k \left|\frac{\partial L}{\partial h_T}\right|"
    "\n"
    r"k_{1/2} = \frac{\ln 2}{-\ln a}",
    (
        Symbol("h_t", "a state of one number, h_t = a h_{t-1} + x_t", "a number"),
        Symbol("a", "the factor of one step", "a number"),
        Symbol("k", "steps back from the end", "a count"),
        Symbol("k_{1/2}", "half-life; for a above 1 its negative is the time to double", "steps"),
    ),
)
_FLOW = Formula(
    r"\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial h_T}"
    r" \prod_{k=t+1}^{T} \frac{\partial h_k}{\partial h_{k-1}}"
    "\n"
    r"L = -\ln p(y \mid x_1, \ldots, x_T)"
    "\n"
    r"g \leftarrow g \cdot \min\left(1, \frac{\theta}{\left|g\right|}\right)",
    (
        Symbol("L", "loss of the last position alone", "a number"),
        Symbol(
            "h_t", "state after token t, of one layer alone; with several layers there are ways through all", "d_hidden"
        ),
        Symbol(r"\frac{\partial h_k}{\partial h_{k-1}}", "Jacobian of one step", "d_hidden × d_hidden"),
        Symbol("y", "the token that is asked for", "a token"),
        Symbol("g", "gradient by all weights", "parameters"),
        Symbol(r"\theta", "clipping threshold", "a number"),
    ),
)
_JACOBIAN = Formula(
    r"J_t = \frac{\partial s_t}{\partial s_{t-1}}, \quad J_T J_{T-1} \cdots J_t = \frac{\partial s_T}{\partial s_{t-1}}"
    "\n"
    r"J_t = \operatorname{diag}\left(1 - h_t^2\right) W \quad \text{in a simple RNN}"
    "\n"
    r"\sigma_1(J_T \cdots J_t) \le \sigma_1(J_T) \cdots \sigma_1(J_t)",
    (
        Symbol("s_t", "what the layer carries on: h, in an LSTM h and c", "d_hidden, or 2 d_hidden"),
        Symbol("J_t", "Jacobian of step t, its input held fixed", "units × units"),
        Symbol("W", "recurrent matrix", "d_hidden × d_hidden"),
        Symbol(r"\sigma_1", "largest singular value", "a number"),
    ),
)
_TWO = Formula(
    r"h_t = W h_{t-1} \quad \text{or} \quad h_t = \tanh(W h_{t-1})"
    "\n"
    r"e_{t-1} = W^{\top} \left(s_t \circ e_t\right)",
    (
        Symbol("W", "recurrent matrix", "2 × 2"),
        Symbol("h_t", "state", "2"),
        Symbol("e_t", "error that has come back to step t", "2"),
        Symbol("s_t", "slope: 1, or 1 - h_t² under the tanh", "2"),
    ),
)


def power(factor: float, steps: int) -> Float64[np.ndarray, "step"]:
    """factor^0 to factor^steps."""
    shares: np.ndarray = np.power(factor, np.arange(steps + 1, dtype=np.float64))
    return shares


def first_past(factor: float, level: float) -> float:
    """Fewest whole steps k with factor^k at the level or beyond it, seen from 1."""
    if factor == 1 or (factor < 1) != (level < 1):
        return math.inf
    return float(math.ceil(round(math.log(level) / math.log(factor), 9)))


@panel(formula=_FACTOR, source="Hochreiter 1991; Bengio et al. 1994, §IV", shows=(power, first_past))
def factor(
    *, factor: Annotated[float, Range(0.5, 1.5, step=0.01)] = 0.9, steps: Annotated[int, Range(1, 100)] = 100
) -> Powers:
    """What is left of an error after k steps, if each multiplies it by the same factor.

    Args:
        factor: what one step multiplies the error by.
        steps: how far back to look.
    """
    halves = math.log(2) / abs(math.log(factor)) if factor != 1 else math.inf
    return Powers(
        steps=np.arange(steps + 1),
        share=power(factor, steps),
        vanished_after=first_past(factor, VANISHED),
        exploded_after=first_past(factor, EXPLODED),
        half_life=halves if factor < 1 else math.inf,
        doubling=halves if factor > 1 else math.inf,
    )


def _sources(models: tuple[Model, ...], knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    """Weights as they started are no trained ones."""
    started = knobs["weights"] == "start"
    return tuple(provenance_at_start(model) if started else model.provenance for model in models)


def _with(model: Model, weights: str) -> Work[Model]:
    """The model with the weights asked for; as it started is kept, for it takes a moment to make."""

    def starting() -> Work[Model]:
        yield Progress(0, 1, f"{model.name}: first weights")
        return at_start(model)

    if weights == "trained":
        return model
    return (yield from model.keeping("as it started", None, starting))


@panel(
    needs=("logits",),
    formula=_FLOW,
    source="Pascanu et al. 2013, §2; Hochreiter & Schmidhuber 1997, §3",
    claim="vanishing_gradient",
    shows=(gradients,),
    sources=_sources,
    fits=check_way_back,
)
def network(
    models: Models,
    text: Text,
    *,
    weights: Weights = "trained",
    target: Annotated[Target, Choice("text", "model")] = "text",
    radius: Annotated[float, Range(0, 2, step=0.05)] = 0.0,
    clip: Annotated[float, Range(0.01, 100, step=0.01, log=True)] = 1.0,
) -> Work[Flow]:
    """How long the gradient of the last position's loss is at every earlier step, in up to four models.

    Args:
        models: recurrent ones, Transformers, or both.
        text: what they read.
        weights: as the training left them, or as it found them.
        target: what the loss asks for: the text's last token, or the model's own likeliest next one.
        radius: spectral radius that every recurrent matrix is scaled to, each gate's alike; 0 leaves them as they are.
        clip: longest gradient of the weights that a training would let through.
    """
    rows: list[dict[str, Any]] = []
    for number, given in enumerate(models):
        yield Progress(number, len(models), f"{given.name}: gradients")
        model = yield from _with(given, weights)
        found = yield from gradients(model, model.encode(text), target=target, radius=radius or None)
        before = (yield from recurrent_matrices(model)) if radius else ()
        rows.append(_row(model, found, clip, max((each.radius for each in before), default=math.nan)))
    return Flow(**{name: tuple(row[name] for row in rows) for name in rows[0]})


def _row(model: Model, found: Gradients, clip: float, radius: float) -> dict[str, Any]:
    places = sorted(found.at, key=lambda place: (-1 if place[1] is None else place[1], place[0] == "state"))
    norms = np.stack([found.norms(place) for place in places])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = norms / norms[:, -1:]
        factors = relative[:, 0] ** (1 / (norms.shape[1] - 1)) if norms.shape[1] > 1 else norms[:, 0] * math.nan
    return {
        "tokens": found.tokens.strings,
        "token_spans": np.array(found.tokens.spans, dtype=np.int64).reshape(-1, 2),
        "target": model.tokenizer.piece(found.target),
        "probability": math.exp(-found.loss),
        "loss": found.loss,
        "places": tuple(map(_named, places)),
        "units": np.array([found.at[place].shape[1] for place in places]),
        "norms": norms,
        "relative": relative,
        "factor": factors,
        "parameter_norm": found.parameter_norm,
        "clipped_by": min(1.0, clip / found.parameter_norm) if found.parameter_norm else 1.0,
        "radius_before": radius,
    }


def _named(place: Place) -> str:
    name, layer = place
    words = {"state": "h,c", "resid": "stream"}.get(name, name)
    return words if layer is None else f"{words} {layer}"


@panel(
    needs=("h",), formula=_JACOBIAN, source="Pascanu et al. 2013, §2.1", shows=(step_jacobians, step_jacobian),
    sources=_sources,
)  # fmt: skip
def jacobians(
    model: Model,
    text: Text,
    *,
    layer: Annotated[int, Range(0, 63), Below("layers")] = 0,
    last: Annotated[int, Range(1, 32)] = 8,
    weights: Weights = "trained",
) -> Work[StepJacobians]:
    """One step as a matrix: its eigenvalues and singular values, and those of the product of many steps.

    Args:
        model: a recurrent one.
        text: what it reads, two tokens at least.
        layer: whose state.
        last: how many of the last steps; each takes about a tenth of a second.
        weights: as the training left them, or as it found them.
    """
    started = yield from _with(model, weights)
    tokens = started.encode(text)
    found = yield from step_jacobians(started, tokens, layer=layer, last=last)
    gates = [each for each in (yield from recurrent_matrices(started)) if each.layer == layer]
    largest, top = found.singular[:, 0].astype(np.float64), found.product_singular[:, 0].astype(np.float64)
    return StepJacobians(
        tokens=tokens.strings,
        token_spans=np.array(tokens.spans, dtype=np.int64).reshape(-1, 2),
        layers=len(started.blocks),
        state="h and c" if "c" in started.probes else "h",
        position=found.positions,
        radius=found.radius,
        largest=found.singular[:, 0],
        singular=found.singular.T.copy(),
        product=found.product_singular.T.copy(),
        bound=_from_the_end(largest),
        by_radius=_from_the_end(found.radius.astype(np.float64)),
        factor=top ** (1 / np.arange(len(top), 0, -1)),
        gates=tuple(each.gate for each in gates),
        gate_radius=np.array([each.radius for each in gates]),
        gate_singular=np.array([each.singular for each in gates]),
    )


def _from_the_end(factors: np.ndarray) -> np.ndarray:
    """Of each step: the product of its factor and all later ones."""
    return np.cumprod(factors[::-1])[::-1].copy()


@panel(formula=_TWO, source="Pascanu et al. 2013, §2.2; Trefethen & Embree 2005, §1", shows=(two.errors, two.states))
def two_units(
    *,
    w_11: Entry = 0.9,
    w_12: Entry = 2.0,
    w_21: Entry = 0.0,
    w_22: Entry = 0.8,
    squash: Annotated[two.Squash, Choice("none", "tanh")] = "none",
    start: Annotated[float, Range(0, 2, step=0.05)] = 0.1,
    e_1: Entry = 1.0,
    e_2: Entry = 0.0,
    back: Annotated[int, Range(1, 60)] = 40,
) -> TwoUnits:
    """An error going back through two units, which can do what no single factor does.

    Args:
        w_11: from unit 1 to itself.
        w_12: from unit 2 to unit 1. An error at 1 comes to 2 by it.
        w_21: from unit 1 to unit 2. An error at 2 comes to 1 by it.
        w_22: from unit 2 to itself.
        squash: what stands around the sum: nothing, or the tanh of an RNN, whose slope is at most 1.
        start: where both units begin; under a tanh it decides how far they are squashed.
        e_1: the error of unit 1 at the end.
        e_2: the error of unit 2 at the end.
        back: how many steps back.
    """
    w = np.array([[w_11, w_12], [w_21, w_22]])
    hidden = two.states(w, start, back, squash)
    slope = two.slopes(hidden, squash)
    error = two.errors(w, slope, np.array([e_1, e_2]))
    length = np.hypot(*error.T)
    radius, singular = float(abs(np.linalg.eigvals(w)).max()), float(np.linalg.norm(w, 2))
    return TwoUnits(
        radius=radius,
        singular=singular,
        hidden=hidden[::-1].copy(),
        slope=slope[::-1].copy(),
        error=error,
        length=length,
        by_radius=length[0] * power(radius, back),
        by_singular=length[0] * power(singular, back),
        peak=int(length.argmax()),
        arithmetic=tuple(two.sentence(w, slope, error, k) for k in range(back + 1)),
    )
