"""What RNN, LSTM and GRU must do alike: torch.nn's numbers and gradients, from the kernel and from the loop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tiny_recurrent import IDS, NAMES, SIZES, Kernels, Theirs, gradients, hooked, ours
from unrolled.models.families import FAMILIES
from unrolled.models.recurrent import EVERY, NEWEST, RecurrentState

BY_STEP = [("rnn", "h"), ("gru", "h"), ("lstm", "h"), ("lstm", "c")]
every_family = pytest.mark.parametrize("name", NAMES)


@every_family
@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize("n_layer", [1, 3])
def test_logits_and_gradients_are_torch_nns(name: str, written_out: bool, n_layer: int) -> None:
    module = ours(name, n_layer=n_layer)
    theirs = Theirs(name, module)
    logits, wanted = module(IDS, written_out=written_out), theirs(IDS)
    assert_close(logits, wanted)
    assert wanted.std() > 0.5
    assert_close(gradients(module, logits), gradients(theirs, wanted))


@every_family
def test_the_loop_is_the_kernel_from_a_carried_state_too(name: str) -> None:
    module = ours(name)
    found = []
    for written_out in (False, True):
        state = RecurrentState()
        first = module(IDS[:, :4], cache=state, written_out=written_out)
        logits = torch.cat([first, module(IDS[:, 4:], cache=state, written_out=written_out)], dim=1)
        found.append((logits, gradients(module, logits), state.layers))
    assert_close(found[0], found[1])
    assert_close(found[0][1], gradients(module, module(IDS)))  # gradients too go back through what was carried


@every_family
@torch.no_grad()
def test_heard_or_not_the_numbers_are_the_same_and_only_unheard_layers_use_the_kernel(name: str) -> None:
    module = ours(name)

    def counted() -> tuple[Tensor, int]:
        with Kernels() as kernels:
            return module(IDS), kernels.calls

    logits, calls = counted()
    assert calls == 2
    heard: list[Tensor] = []
    with hooked(module.layers[1].h, lambda _m, _i, h: heard.append(h)):
        again, calls = counted()
    assert calls == 1
    assert [tuple(h.shape) for h in heard] == [(2, 8)] * 11
    assert_close(again, logits)
    assert_close(module.read_out(torch.stack(heard, 1)), logits)
    with hooked(module.logits, lambda _m, _i, out: None):
        assert counted()[1] == 2
    with Kernels() as kernels:
        module(IDS, written_out=True)
    assert kernels.calls == 0
    assert counted()[1] == 2


@every_family
@torch.no_grad()
def test_every_probe_is_passed_once_a_step_and_costs_no_weights(name: str) -> None:
    module = ours(name)
    seen: dict[str, list[Tensor]] = {}
    for path, part in module.named_modules():
        probe = path.split(".", 2)[2] if path.count(".") > 1 else path
        if probe in FAMILIES[name].probes:
            part.register_forward_hook(lambda _m, _i, out, path=path: seen.setdefault(path, []).append(out))
    module(IDS)
    per_layer = FAMILIES[name].probes - {"logits"}
    assert seen.keys() == {"logits"} | {f"layers.{layer}.{probe}" for layer in (0, 1) for probe in per_layer}
    assert all(len(steps) == (1 if path == "logits" else 11) for path, steps in seen.items())
    assert all(part.endswith(("_l0", "weight", "bias")) for part in module.state_dict())


@pytest.mark.parametrize(("name", "probe"), BY_STEP)
def test_gradients_of_every_step_are_finite_differences(name: str, probe: str) -> None:
    module = ours(name)
    point = getattr(module.layers[0], probe)
    seen: list[Tensor] = []

    def keep(_m: object, _i: object, x: Tensor) -> None:
        x.retain_grad()
        seen.append(x)

    with hooked(point, keep):
        module(IDS)[:, -1].tanh().sum().backward()
    assert len(seen) == 11
    for step in (0, 4, 9, 10):
        for unit in (0, 5):
            up, down = (nudged(module, point, step, unit, by) for by in (1e-6, -1e-6))
            assert_close(seen[step].grad[1, unit], (up - down) / 2e-6, rtol=1e-6, atol=1e-8)  # rounding over 2e-6
    assert seen[0].grad.abs().max() > 1e-9


@torch.no_grad()
def nudged(module: torch.nn.Module, point: torch.nn.Module, step: int, unit: int, by: float) -> Tensor:
    count = 0

    def nudge(_m: object, _i: object, x: Tensor) -> Tensor | None:
        nonlocal count
        count += 1
        if count - 1 != step:
            return None
        x = x.clone()
        x[1, unit] += by
        return x

    with hooked(point, nudge):
        return module(IDS)[:, -1].tanh().sum()


@every_family
@torch.no_grad()
def test_a_value_that_a_hook_gives_back_is_what_the_next_step_reads(name: str) -> None:
    module = ours(name)
    emptied = [name for name in ("h", "c") if hasattr(module.layers[0], name)]
    count = 0

    def forget_all(_m: object, _i: object, x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return torch.zeros_like(x) if count <= 5 * len(emptied) * 2 else x  # the first five steps of both layers

    module(IDS)
    handles = [getattr(layer, name).register_forward_hook(forget_all) for layer in module.layers for name in emptied]
    state = RecurrentState()
    first = module(IDS[:, :5], cache=state)
    rest = module(IDS[:, 5:], cache=state)
    for handle in handles:
        handle.remove()
    assert_close(rest, module(IDS[:, 5:]))
    assert_close(first, module.read_out(torch.zeros(2, 5, 8, dtype=torch.float64)))


@every_family
@torch.no_grad()
def test_a_token_changes_nothing_before_it(name: str) -> None:
    module = ours(name)
    other = IDS.clone()
    other[:, 6] = (other[:, 6] + 1) % 50
    before, after = module(IDS), module(other)
    assert torch.equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(dim=(0, 2)).min() > 1e-6


@every_family
@torch.no_grad()
def test_read_in_pieces_is_read_at_once(name: str) -> None:
    module = ours(name)
    state = RecurrentState()
    pieces = [module(part, cache=state) for part in IDS.split([4, 1, 3, 3], dim=1)]
    assert_close(torch.cat(pieces, dim=1), module(IDS))
    assert state.length == 11
    n_parts = 2 if name == "lstm" else 1
    assert state.n_bytes == 4 * 2 * n_parts * 2 * 8 * 8  # snapshots, layers, h and c, batch, units, bytes


@every_family
@torch.no_grad()
def test_a_cropped_state_goes_on_as_if_nothing_had_followed(name: str) -> None:
    module = ours(name)
    state = RecurrentState()
    for part in IDS.split([4, 1, 3, 3], dim=1):
        module(part, cache=state)
    for asked, left in ((20, 11), (10, 8), (8, 8), (7, 5), (4, 4)):
        state.crop(asked)
        assert state.length == left
    assert_close(module(IDS[:, 4:], cache=state, last_only=True), module(IDS)[:, -1:])
    state.crop(3)
    assert (state.length, state.layers, state.n_bytes) == (0, None, 0)
    assert_close(module(IDS, cache=state), module(IDS))


@torch.no_grad()
def test_old_snapshots_are_thinned() -> None:
    state = RecurrentState()
    for at in range(200):
        state.advance(1, [(torch.full((1, 1), float(at)),)])
    for asked, left in ((200, 200), (200 - NEWEST + 1, 200 - NEWEST + 1), (2 * EVERY + 9, 2 * EVERY), (EVERY - 1, 0)):
        state.crop(asked)
        assert state.length == left
        assert left == 0 or float(state.layers[0][0]) == left - 1


@every_family
@torch.no_grad()
def test_a_pass_that_was_stopped_leaves_the_state_as_it_was(name: str) -> None:
    module = ours(name)
    state = RecurrentState()
    module(IDS[:, :5], cache=state)

    def stop(*_: object) -> None:
        raise InterruptedError

    handle = module.layers[1].register_forward_pre_hook(stop)
    with pytest.raises(InterruptedError):
        module(IDS[:, 5:] * 0, cache=state)
    handle.remove()
    assert state.length == 5
    assert_close(module(IDS[:, 5:], cache=state), module(IDS)[:, 5:])


@every_family
@torch.no_grad()
def test_the_last_position_alone(name: str) -> None:
    module = ours(name)
    assert_close(module(IDS, last_only=True), module(IDS)[:, -1:])


@pytest.mark.parametrize(("name", "n_gate"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_parameters_counted_by_hand(name: str, n_gate: int) -> None:
    family = FAMILIES[name]
    with torch.device("meta"):
        module = family.model(family.config(vocabulary=4096, context=256, n_layer=2, d_embed=192, d_hidden=256))
    first = n_gate * (192 * 256 + 256 * 256 + 256 + 256)  # from the input, from h, and torch's two biases
    second = n_gate * (256 * 256 + 256 * 256 + 256 + 256)
    total = 4096 * 192 + first + second + 256 * 192 + 192  # and the projection; the head is the embedding
    assert sum(parameter.numel() for parameter in module.parameters()) == total


@every_family
def test_dropout_is_for_training_and_never_along_time(name: str) -> None:
    module = ours(name, dropout=0.5)
    plain = ours(name)
    assert_close(module(IDS), plain(IDS))
    heard: list[Tensor] = []
    with hooked(module.layers[0].h, lambda _m, _i, h: heard.append(h.detach())):
        module.train()(IDS)
    assert all((h != 0).all() for h in heard)
    torch.manual_seed(0)
    assert (module(IDS) - module(IDS)).abs().max() > 0.1


@every_family
def test_weights_start_from_the_generator_alone(name: str) -> None:
    starts = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        module = ours(name)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(torch.nan)
        module.initialise(torch.Generator().manual_seed(7))
        starts.append(module.state_dict())
    assert all(torch.equal(starts[0][weight], starts[1][weight]) for weight in starts[0])
    assert all(value.isfinite().all() for value in starts[0].values())
    assert 0.05 < starts[0]["embed.weight"].abs().max() <= 0.1
    module.initialise(torch.Generator().manual_seed(8))
    assert not torch.equal(module.embed.weight, starts[0]["embed.weight"])


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_every_gate_starts_orthogonal(name: str) -> None:
    module = ours(name)
    module.initialise(torch.Generator().manual_seed(7))
    for layer in module.layers:
        for block in layer.weight_hh_l0.split(8):
            assert_close(block @ block.T, torch.eye(8, dtype=torch.float64))


@every_family
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"d_hidden": 0}, "d_hidden = 0 is not possible: 1 at least"),
        ({"n_layer": -1}, "n_layer = -1 is not possible"),
        ({"dropout": 1.0}, r"dropout = 1.0 is not possible: a share from 0 to below 1"),
        ({"dropout": float("nan")}, "dropout = nan is not possible"),
    ],
)
def test_sizes_that_cannot_be(name: str, change: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FAMILIES[name].config(**(SIZES | change))
