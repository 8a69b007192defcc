"""The gradient by depth against autograd over a Transformer written out here from the formulas alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from unrolled.trace import depth
from unrolled.trace.depth import ARRANGEMENTS, TOKENS, VOCABULARY, run_stack, stack_of

N, WIDTH = 3, 32


def norm(x: Tensor) -> Tensor:
    """Gain 1, bias 0."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)


def attention(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    heads = []
    for head in range(WIDTH // 16):
        q, k, v = (
            (x @ w[f"{at}.attn.{name}.weight"].T)[:, 16 * head : 16 * head + 16] for name in ("query", "key", "value")
        )
        scores = (q @ k.T / 4).masked_fill(torch.triu(torch.ones(len(x), len(x), dtype=torch.bool), 1), -math.inf)
        heads.append(torch.softmax(scores, -1) @ v)
    return torch.cat(heads, -1) @ w[f"{at}.attn.output.weight"].T


def by_hand(arrangement: str, start: Any, seed: int) -> tuple[float, list[Tensor], list[Tensor], list[Tensor]]:
    """Loss, the stream at each point, its gradients, the gradients of each second matrix."""
    module = stack_of(arrangement, N, WIDTH, start, seed)  # type: ignore[arg-type]
    w = {name: value.detach().requires_grad_() for name, value in module.named_parameters()}
    ids, wanted = torch.randint(VOCABULARY, (2, TOKENS), generator=torch.Generator().manual_seed(seed + 1))
    x = w["embed.weight"][ids] + w["place.weight"]
    points = [x]
    for layer in range(N):
        at = f"blocks.{layer}"
        for part in (
            lambda y, at=at: attention(y, w, at),
            lambda y, at=at: torch.relu(y @ w[f"{at}.mlp.up.weight"].T) @ w[f"{at}.mlp.down.weight"].T,
        ):
            if arrangement == "post-norm":
                x = norm(x + part(x))
            elif arrangement == "pre-norm":
                x = x + part(norm(x))
            else:
                x = x + part(x) if arrangement == "no norm" else part(norm(x))
        points.append(x)
    logits = (x if arrangement == "post-norm" else norm(x)) @ w["head.weight"].T
    loss = -logits.log_softmax(-1)[range(TOKENS), wanted].mean()
    downs = [w[f"blocks.{layer}.mlp.down.weight"] for layer in range(N)]
    grads = torch.autograd.grad(loss, [*points, *downs])
    return float(loss.detach()), points, list(grads[: N + 1]), list(grads[N + 1 :])


@pytest.mark.parametrize("start", ["xavier", "gpt-2"])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_it_is_autograd(arrangement: Any, start: Any) -> None:
    found = run_stack(arrangement, N, WIDTH, start, 3)
    loss, points, grads, downs = by_hand(arrangement, start, 3)
    assert found.loss == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(found.gradient, [float(torch.linalg.vector_norm(each)) for each in grads], rtol=1e-7)
    np.testing.assert_allclose(found.weights, [float((each**2).sum().sqrt()) for each in downs], rtol=1e-7)
    np.testing.assert_allclose(found.stream, [float(each.detach().pow(2).mean().sqrt()) for each in points], rtol=1e-9)
    for apart, point in zip(found.apart, points, strict=True):
        unit = (point / point.norm(dim=1, keepdim=True)).detach()
        cosines = (unit @ unit.T)[~torch.eye(TOKENS, dtype=torch.bool)]
        assert apart == pytest.approx(1 - float(cosines.mean()), rel=1e-6, abs=1e-12)


def test_a_norm_in_the_wrong_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = depth.stack_of
    monkeypatch.setattr(depth, "stack_of", lambda arrangement, *sizes: right("pre-norm", *sizes))
    with pytest.raises(AssertionError):
        test_it_is_autograd("post-norm", "xavier")


def test_stacks_begin_with_the_same_numbers() -> None:
    first, *others = (stack_of(each, N, WIDTH, "xavier", 7).state_dict() for each in ARRANGEMENTS)
    for other in others:
        for name, value in other.items():
            if "norm" not in name:
                torch.testing.assert_close(value, first[name], rtol=0, atol=0)


def test_the_last_blocks_gradient_falls_with_the_root_of_depth_in_pre_norm_alone() -> None:
    """Xiong et al. 2020, Theorem 1: of order 1/√N with the norm before each part, independent of N with it after."""
    depths = [4, 12, 40]
    last = {
        place: [np.mean([run_stack(place, n, WIDTH, "xavier", seed).weights[-1] for seed in range(3)]) for n in depths]
        for place in ("pre-norm", "post-norm")
    }
    slope = {place: np.polyfit(np.log(depths), np.log(values), 1)[0] for place, values in last.items()}
    assert slope["pre-norm"] == pytest.approx(-0.5, abs=0.12)
    assert slope["post-norm"] == pytest.approx(0.0, abs=0.12)
