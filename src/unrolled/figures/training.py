"""What does learning look like?

A training shows a model piece after piece of text and nudges its weights so that the next token becomes likelier. What
it measures on the way: the loss, −ln of the probability that the right token had, on average over many. Two lines say
what knowing nothing costs (all tokens alike: ln of their number) and what it costs to know how often each token occurs
and no more. Below the second line a model has begun to use what came before. The held-out text is never learnt from:
where its loss no longer falls and the training loss does, the model is learning by heart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.checkpoints.runs import Run
from unrolled.figures._inputs import Runs, UpTo
from unrolled.figures._knobs import Range
from unrolled.figures._panel import Axes, Each, panel
from unrolled.mathematics import Formula, Symbol

_RECENT = 10
"""Measurements that the speed of a run is taken from."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Runs side by side: loss over what was seen."""

    names: Each[str]
    """What the run is called."""
    families: Each[str]
    """Family of the model."""
    status: Each[str]
    """How far it is, in words."""
    live: Each[bool]
    """Whether a training is at work on it, so that asking again gives more."""
    newest: Each[str]
    """When something was last heard of a run that has not said its end, UTC; empty for all others."""
    parameters: Each[int]
    """Parameters of the model; 0 where the run does not say."""
    steps_done: Each[int]
    """Steps so far."""
    steps: Each[int]
    """Steps of the whole run; 0 while that is not known."""
    step: Each[Int64[np.ndarray, "measurement"]]
    """Steps after which the training loss was measured."""
    tokens_seen: Each[Int64[np.ndarray, "measurement"]]
    """Tokens learnt from until then, counted again in every epoch."""
    seconds: Each[Float64[np.ndarray, "measurement"]]
    """Seconds spent on learning until then, without reports and saves."""
    loss: Each[Float64[np.ndarray, "measurement"]]
    """Training loss, the mean since the measurement before, in nats a token; dropout and label smoothing included."""
    window_tokens: Each[Int64[np.ndarray, "measurement"]]
    """Tokens in the last `window` measurements."""
    window_nats: Each[Float64[np.ndarray, "measurement"]]
    """Their loss, added up, in nats."""
    smoothed_loss: Each[Float64[np.ndarray, "measurement"]]
    """window_nats ÷ window_tokens, in nats a token."""
    smoothed_perplexity: Each[Float64[np.ndarray, "measurement"]]
    """exp of that: as unsure as among so many tokens."""
    learning_rate: Each[Float64[np.ndarray, "measurement"]]
    """Learning rate of that step."""
    gradient_norm: Each[Float64[np.ndarray, "measurement"]]
    """Length of that step's gradient before clipping."""
    tokens_per_second: Each[Float64[np.ndarray, "measurement"]]
    """Speed since the measurement before."""
    held_out_step: Each[Int64[np.ndarray, "report"]]
    """Steps after which the held-out text was measured."""
    held_out_tokens: Each[Int64[np.ndarray, "report"]]
    """Tokens learnt from until then."""
    held_out_seconds: Each[Float64[np.ndarray, "report"]]
    """Seconds spent on learning until then."""
    held_out_loss: Each[Float64[np.ndarray, "report"]]
    """Cross-entropy of the held-out text, in nats a token; no dropout, no label smoothing."""
    held_out_perplexity: Each[Float64[np.ndarray, "report"]]
    """exp of that."""
    held_out_bits_per_byte: Each[Float64[np.ndarray, "report"]]
    """The same loss in bits a byte of text; nan where not all of the text was measured."""
    held_out_predicted: Each[Int64[np.ndarray, "report"]]
    """Tokens of it that were predicted: its beginning on the way, all of it at the end."""
    held_out_size: Each[int]
    """Bytes of the whole held-out text."""
    kept_step: Each[Int64[np.ndarray, "save"]]
    """Steps at which the weights were kept for good."""
    kept_tokens: Each[Float64[np.ndarray, "save"]]
    """Tokens learnt from until then."""
    kept_seconds: Each[Float64[np.ndarray, "save"]]
    """Seconds spent on learning until then."""
    uniform_loss: Each[float]
    """ln of the vocabulary's size: the loss when all tokens are held equally likely, in nats."""
    uniform_perplexity: Each[float]
    """The vocabulary's size."""
    unigram_loss: Each[float]
    """Entropy of the held-out text's tokens one by one, in nats: knowing how often each occurs. nan if not known."""
    unigram_perplexity: Each[float]
    """exp of that."""
    note: str
    """What must be known to compare these runs; empty if nothing stands in the way."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What the models wrote on the way."""

    names: Each[str]
    """What the run is called."""
    status: Each[str]
    """How far it is, in words."""
    live: Each[bool]
    """Whether a training is at work on it, so that asking again gives more."""
    newest: Each[str]
    """When something was last heard of a run that has not said its end, UTC; empty for all others."""
    step: Each[Int64[np.ndarray, "sample"]]
    """Steps after which the sample was written."""
    tokens_seen: Each[Float64[np.ndarray, "sample"]]
    """Tokens learnt from until then."""
    held_out_loss: Each[Float64[np.ndarray, "sample"]]
    """Cross-entropy of the held-out text at that step, in nats a token; nan if it was not measured there."""
    prompts: Each[Annotated[tuple[str, ...], Axes("sample")]]
    """The held-out text that it goes on with, or the sentence that it translates."""
    texts: Each[Annotated[tuple[str, ...], Axes("sample")]]
    """What it wrote."""


def running_sums(values: np.ndarray, window: int) -> np.ndarray:
    """Each value and the window − 1 before it, added up; at the start as many as there are."""
    return np.array([values[max(0, end - window) : end].sum() for end in range(1, len(values) + 1)], values.dtype)


def since_before(tokens: np.ndarray) -> np.ndarray:
    """Tokens between each measurement and the one before it."""
    return np.diff(tokens, prepend=0)


def at_steps(run: Run, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What a count that starts at 0 and was noted with each measurement was at other steps."""
    return np.asarray(np.interp(steps, [0, *run.measured.step], [0.0, *values]))


@panel(
    formula=Formula(
        r"L = -\frac{1}{n} \sum_{t=1}^{n} \ln p(x_t \mid x_1, \ldots, x_{t-1}) \qquad P = e^{L}",
        (
            Symbol("L", "loss: cross-entropy in nats a token"),
            Symbol("n", "tokens that it is the mean of"),
            Symbol("x_t", "the t-th token"),
            Symbol("p", "what the model held likely before it saw the token"),
            Symbol("P", "perplexity: as unsure as among so many equally likely tokens"),
        ),
    ),
    source="Shannon 1948, §7; Shannon 1951; Jelinek, Mercer, Bahl & Baker 1977",
    shows=(running_sums, since_before, at_steps),
)
def curves(runs: Annotated[Runs, UpTo(4)], *, window: Annotated[int, Range(1, 200)] = 4) -> Curves:
    """Loss and perplexity over what was learnt from.

    Args:
        runs: up to four, each as its folder stood.
        window: measurements that the training loss is averaged over, each weighted by its tokens; 1: as they are.
    """
    measured, reports = [run.measured for run in runs], [run.reports for run in runs]
    counted = [since_before(each.tokens) for each in measured]
    nats = [running_sums(each.loss * count, window) for each, count in zip(measured, counted, strict=True)]
    windows = [running_sums(count, window) for count in counted]
    smoothed = [above / below for above, below in zip(nats, windows, strict=True)]
    seconds = [np.cumsum(n / each.tokens_per_second) for each, n in zip(measured, counted, strict=True)]
    kept = [np.array(run.kept, np.int64) for run in runs]
    return Curves(
        names=tuple(run.name for run in runs),
        families=tuple(run.family for run in runs),
        status=tuple(map(status, runs)),
        live=tuple(map(is_live, runs)),
        newest=tuple(run.newest for run in runs),
        parameters=tuple(run.parameters for run in runs),
        steps_done=tuple(run.step for run in runs),
        steps=tuple(run.steps for run in runs),
        step=tuple(each.step for each in measured),
        tokens_seen=tuple(each.tokens for each in measured),
        seconds=tuple(seconds),
        loss=tuple(each.loss for each in measured),
        window_tokens=tuple(windows),
        window_nats=tuple(nats),
        smoothed_loss=tuple(smoothed),
        smoothed_perplexity=tuple(map(perplexity, smoothed)),
        learning_rate=tuple(each.learning_rate for each in measured),
        gradient_norm=tuple(each.gradient_norm for each in measured),
        tokens_per_second=tuple(each.tokens_per_second for each in measured),
        held_out_step=tuple(each.step for each in reports),
        held_out_tokens=tuple(each.tokens for each in reports),
        held_out_seconds=tuple(at_steps(*each) for each in zip(runs, (r.step for r in reports), seconds, strict=True)),
        held_out_loss=tuple(each.loss for each in reports),
        held_out_perplexity=tuple(perplexity(each.loss) for each in reports),
        held_out_bits_per_byte=tuple(each.bits_per_byte for each in reports),
        held_out_predicted=tuple(each.predicted for each in reports),
        held_out_size=tuple(run.held_out_bytes for run in runs),
        kept_step=tuple(kept),
        kept_tokens=tuple(at_steps(run, at, run.measured.tokens) for run, at in zip(runs, kept, strict=True)),
        kept_seconds=tuple(at_steps(*each) for each in zip(runs, kept, seconds, strict=True)),
        uniform_loss=tuple(math.log(run.vocabulary) for run in runs),
        uniform_perplexity=tuple(float(run.vocabulary) for run in runs),
        unigram_loss=tuple(run.unigram for run in runs),
        unigram_perplexity=tuple(float(perplexity(np.array(run.unigram))) for run in runs),
        note=comparing(runs),
    )


@panel(source="training/speaking.py: sampled at temperature 0.8 from a seed of its own; translations are greedy")
def samples(runs: Annotated[Runs, UpTo(4)]) -> Samples:
    """What each model wrote at each report, from the first to the newest.

    Args:
        runs: up to four, each as its folder stood.
    """
    steps = [np.array([each.step for each in run.samples], np.int64) for run in runs]
    losses = [dict(zip(run.reports.step.tolist(), run.reports.loss.tolist(), strict=True)) for run in runs]
    return Samples(
        names=tuple(run.name for run in runs),
        status=tuple(map(status, runs)),
        live=tuple(map(is_live, runs)),
        newest=tuple(run.newest for run in runs),
        step=tuple(steps),
        tokens_seen=tuple(at_steps(run, at, run.measured.tokens) for run, at in zip(runs, steps, strict=True)),
        held_out_loss=tuple(
            np.array([known.get(step, math.nan) for step in at.tolist()], np.float64)
            for known, at in zip(losses, steps, strict=True)
        ),
        prompts=tuple(tuple(each.prompt for each in run.samples) for run in runs),
        texts=tuple(tuple(each.text for each in run.samples) for run in runs),
    )


def perplexity(loss: np.ndarray) -> np.ndarray:
    """exp of a loss, infinite where that is beyond a float."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(loss))


def is_live(run: Run) -> bool:
    """Whether a training is at work on it."""
    return run.stage in ("preparing", "running")


def status(run: Run) -> str:
    """How far a run is, in words."""
    at = f"step {run.step:,} of {run.steps:,}" if run.steps else f"step {run.step:,}"
    if run.stage == "finished":
        return f"finished after {run.step:,} steps"
    if run.stage == "stopped":
        return f"stopped at {at}; go on with `unrolled train --out {run.folder} --resume`"
    if not len(run.measured.step):
        return "at work, no measurements yet"
    speed, left = pace(run)
    return f"at work: {at}, {speed:,.0f} tokens a second{'' if math.isnan(left) else f', about {spoken(left)} left'}"


def pace(run: Run) -> tuple[float, float]:
    """Tokens a second over the last measurements, and how many seconds of learning are left at that pace."""
    measured = run.measured
    tokens = since_before(measured.tokens)[-_RECENT:]
    speed = float(tokens.sum() / (tokens / measured.tokens_per_second[-_RECENT:]).sum())
    a_step = float(measured.tokens[-1] / measured.step[-1])
    return speed, max(0, run.steps - run.step) * a_step / speed if run.steps else math.nan


def spoken(seconds: float) -> str:
    """40 seconds, 12 minutes, 1.5 hours."""
    if seconds < 90:
        return f"{round(seconds)} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def comparing(runs: Runs) -> str:
    """What stands in the way of comparing them."""
    smoothed = [f"{run.name} ({run.label_smoothing:g})" for run in runs if run.label_smoothing]
    said = []
    if len({run.measured_on for run in runs}) > 1:
        said.append(
            "These runs are measured on different texts, or with different tokens: their losses and perplexities do not"
            " compare, only bits a byte of one text would."
        )
    if smoothed:
        said.append(f"The training loss counts label smoothing in {', '.join(smoothed)}; the held-out one never does.")
    return " ".join(said)
