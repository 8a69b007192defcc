"""One step against what it is made of: AdamW, schedules, the loss, accumulation."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from small_runs import small, text_file
from unrolled.training.batches import summed_loss
from unrolled.training.folder import create, read_run
from unrolled.training.optimiser import make_optimiser
from unrolled.training.order import NOT_A_TARGET
from unrolled.training.processes import Processes
from unrolled.training.recipe import Optimiser, Schedule
from unrolled.training.run import Run, open_run
from unrolled.training.schedule import learning_rate


def opened(tmp_path: Path, *changes: str) -> Run:
    list(create(small(text_file(tmp_path), *changes), tmp_path / "run", "cpu"))
    return open_run(read_run(tmp_path / "run"), Processes(), "cpu")


def by_hand(weight: torch.Tensor, gradients: list[torch.Tensor], recipe: Optimiser, decay: float) -> torch.Tensor:
    """Loshchilov & Hutter 2019, algorithm 2, in float64; after torch, decay before the step."""
    weight, m, v = weight.double(), torch.zeros_like(weight).double(), torch.zeros_like(weight).double()
    for t, gradient in enumerate(gradients, start=1):
        m = recipe.beta1 * m + (1 - recipe.beta1) * gradient.double()
        v = recipe.beta2 * v + (1 - recipe.beta2) * gradient.double() ** 2
        step = m / (1 - recipe.beta1**t) / ((v / (1 - recipe.beta2**t)).sqrt() + recipe.epsilon)
        weight = weight - recipe.learning_rate * decay * weight - recipe.learning_rate * step
    return weight


@pytest.mark.parametrize("decayed", [True, False], ids=["as it is", "twin: biases decay too"])
def test_adamw_by_hand(decayed: bool) -> None:
    torch.manual_seed(0)
    module, recipe = nn.Linear(3, 2), Optimiser(learning_rate=0.1, weight_decay=0.5)
    nn.init.normal_(module.bias)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    gradients = {name: [torch.randn_like(p) for _ in range(3)] for name, p in module.named_parameters()}
    optimiser = make_optimiser(module, recipe)
    for step in range(3):
        for name, parameter in module.named_parameters():
            parameter.grad = gradients[name][step].clone()
        optimiser.step()
    torch.testing.assert_close(
        module.weight.double(), by_hand(before["weight"], gradients["weight"], recipe, 0.5), rtol=1e-5, atol=1e-6
    )  # ours runs in float32
    expected = by_hand(before["bias"], gradients["bias"], recipe, 0.0 if decayed else 0.5)
    assert torch.allclose(module.bias.double(), expected, rtol=1e-5, atol=1e-6) == decayed


def test_one_whole_step_by_hand(tmp_path: Path) -> None:
    """Clipped to norm 0.1, at half the rate in a warm-up of two steps; forward and backward by autograd alone."""
    run = opened(tmp_path, "model.dropout=0.0", "optimiser.clip=0.1", "schedule.warm_up=0.1666")
    module, batch = copy.deepcopy(run.module), run.batches.train(1)
    loss = F.cross_entropy(module(batch.ids).flatten(0, 1), batch.targets.flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in module.parameters() if p.grad is not None))
    learnt = run.learn(stop=False)
    assert learnt.loss == pytest.approx(loss.item(), rel=1e-6)
    assert learnt.norm == pytest.approx(norm, rel=1e-5)
    assert learnt.rate == pytest.approx(0.5e-2)
    assert norm > 0.1
    for (name, ours), theirs in zip(run.module.named_parameters(), module.parameters(), strict=True):
        assert theirs.grad is not None, name
        gradient = (theirs.grad * 0.1 / norm).double()
        decay = 1 - 0.5e-2 * 0.1 * (theirs.ndim > 1)
        expected = theirs.double() * decay - 0.5e-2 * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-5)  # a first step is almost a sign


def test_cosine_in_closed_form() -> None:
    schedule = Schedule(kind="cosine", warm_up=0.1, final=0.2)
    rates = [learning_rate(schedule, 3.0, step, 100) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([0.3 * step for step in range(1, 11)])
    assert rates[54] == pytest.approx(3.0 * (0.2 + 0.8 / 2))  # halfway between 10 and 100
    assert rates[99] == pytest.approx(0.6)
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_the_schedule_of_2017() -> None:
    """lrate = d_model^-0.5 · min(step^-0.5, step · warmup^-1.5), with the paper's 512 and 4000 of 100,000 steps."""
    schedule = Schedule(kind="inverse_square_root", warm_up=0.04)
    peak = (512 * 4000) ** -0.5
    for step in (1, 2000, 4000, 4001, 16_000, 100_000):
        paper = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
        assert learning_rate(schedule, peak, step, 100_000) == pytest.approx(paper, rel=1e-12)


def test_smoothing_by_hand_and_what_is_no_target() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(2, 3, 5), torch.tensor([[1, NOT_A_TARGET, 4], [0, 2, NOT_A_TARGET]])
    expected = 0.0
    for row, column in ((0, 0), (0, 2), (1, 0), (1, 1)):
        log_p = logits[row, column].log_softmax(-1)
        expected += float(-(0.9 * log_p[targets[row, column]] + 0.1 * log_p.mean()))
    assert float(summed_loss(logits, targets, 0.1)) == pytest.approx(expected, rel=1e-6)


def test_held_out_loss_is_cross_entropy_over_the_whole_part(tmp_path: Path) -> None:
    """Windows cut by hand, each by itself, against batches of padded windows."""
    run = opened(tmp_path)
    ids = torch.tensor(list(text_file(tmp_path).read_bytes()[-run.folder.fixed.held_out_tokens :]))
    run.module.eval()
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(ids) - 1, 16):
            window = ids[start : start + 17]
            total += float(F.cross_entropy(run.module(window[None, :-1])[0], window[1:], reduction="sum"))
    loss, count = run.measure(0)
    assert count == len(ids) - 1
    assert loss == pytest.approx(total / count, rel=1e-6)
    assert run.module.training
    part, counted = run.measure(40)
    assert counted == 40
    assert part != loss


@pytest.mark.parametrize("weighted", [True, False], ids=["as it is", "twin: mean of means"])
def test_accumulated_gradients_are_the_whole_batch_s(tmp_path: Path, weighted: bool) -> None:
    """On a batch whose rows have unequal numbers of targets, where the mean of means is something else."""
    run = opened(tmp_path, "model.dropout=0.0", "micro_batch=2", "batch=4")
    step = next(s for s in range(1, 200) if run.batches.train(s).count < 64)
    batch = run.batches.train(step)
    run.module.zero_grad()
    if weighted:
        run._gradients(step, False)
    else:
        for part in batch.split(2):
            (summed_loss(part.logits(run.module), part.targets) / part.count / 2).backward()  # type: ignore[no-untyped-call]
    ours = [p.grad.clone() for p in run.module.parameters() if p.grad is not None]
    run.module.zero_grad()
    F.cross_entropy(run.module(batch.ids).flatten(0, 1), batch.targets.flatten()).backward()  # type: ignore[no-untyped-call]
    theirs = [p.grad for p in run.module.parameters() if p.grad is not None]
    agree = all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(ours, theirs, strict=True))
    assert agree == weighted
