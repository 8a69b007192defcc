"""The figure `gates` against the recording, torch.nn's fused kernel, and gates that were planted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tiny_recurrent import Theirs, opened
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.figures import answer, figure
from unrolled.progress import finish
from unrolled.trace import record_states
from unrolled.trace.survival import shares_left

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

TEXT = "The old man sat by the window."


def ask(panel: str, models: list[Model], text: str = TEXT, **knobs: Any) -> Any:
    return finish(answer(figure("gates").panel(panel), knobs, models=models, text=text)).result


@torch.no_grad()
def test_the_gates_make_the_fused_kernels_states() -> None:
    """What is shown, put together as the papers write it, is torch.nn's h."""
    model = opened("lstm", n_layer=1)
    theirs = Theirs("lstm", model.module)
    wanted = theirs.stack(theirs.embed(torch.tensor([model.encode(TEXT).ids])))[0][0].numpy()
    shown = {}
    for gate in ("forget", "input", "output", "candidate", "cell"):
        found = ask("gates", [model], gate=gate, units=8)
        shown[gate] = np.empty_like(found.values[0])
        shown[gate][found.units[0]] = found.values[0]
    cell = np.zeros(8)
    for token, h in enumerate(wanted):
        cell = shown["forget"][:, token] * cell + shown["input"][:, token] * shown["candidate"][:, token]
        np.testing.assert_allclose(shown["cell"][:, token], cell, atol=1e-5)
        np.testing.assert_allclose(shown["output"][:, token] * np.tanh(cell), h, atol=1e-5)
    late = np.roll(shown["forget"], 1, axis=1)
    cell = np.zeros(8)
    for token in range(len(wanted)):
        cell = late[:, token] * cell + shown["input"][:, token] * shown["candidate"][:, token]
    assert np.abs(cell - shown["cell"][:, -1]).max() > 1e-2  # the twin: a token off


def test_what_keeps_is_forget_in_one_and_update_in_the_other() -> None:
    models = [opened("lstm"), opened("gru")]
    found = ask("gates", models)
    assert found.shows == ("forget", "update")
    for model, values, units in zip(models, found.values, found.units, strict=True):
        states = finish(record_states(model, model.encode(TEXT)))
        name = "forget" if model.name == "tiny-lstm" else "update"
        np.testing.assert_array_equal(values, states.gates[name][0].T[units])
    assert found.gates == ("keeps", "forget", "update", "input", "reset", "output", "candidate", "cell", "h")
    both = ask("gates", models, gate="reset")
    assert both.shows == ("", "reset")
    assert both.why == ("tiny-lstm has no reset: it has candidate, forget, input, output, h.", "")
    assert both.values[0].shape == (0, len(TEXT))


def test_units_run_evenly_from_the_most_open_to_the_most_shut() -> None:
    model = opened("lstm", d_hidden=20)
    found = ask("gates", [model], units=5)
    means = finish(record_states(model, model.encode(TEXT))).gates["forget"][0].mean(axis=0)
    order = np.argsort(-means, kind="stable")
    assert found.units[0].tolist() == order[[0, 5, 10, 14, 19]].tolist()
    assert found.mean[0] == pytest.approx(float(means.mean()), rel=1e-5)


def test_a_planted_gate_is_drawn_as_it_is() -> None:
    """Forget gates of exactly a half: half is left a token back, a quarter two, and the half-life is one token."""
    model = opened("lstm")
    with torch.no_grad():
        for layer in model.blocks:
            for parameter in layer.parameters():
                parameter.chunk(4)[1].zero_()
    found = ask("survival", [model], last=6, longest=2, unit=5)
    np.testing.assert_allclose(found.left[0], np.tile(0.5 ** np.arange(5, -1, -1), (5, 1)))
    np.testing.assert_allclose(found.left_of_unit[0], np.tile(0.5 ** np.arange(5, -1, -1), (3, 1)))
    assert found.units[0].tolist() == [0, 1, 5]
    assert found.median_half_life[0] == found.longest_half_life[0] == pytest.approx(1)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_quantiles_are_those_of_all_units(name: str) -> None:
    model = opened(name, d_hidden=20)
    found = ask("survival", [model], layer=1, longest=3)
    states = finish(record_states(model, model.encode(TEXT)))
    left = shares_left(states.gates["forget" if name == "lstm" else "update"][1])
    np.testing.assert_allclose(found.left[0][2], np.median(left, axis=1))
    assert (np.diff(found.left[0], axis=0) >= 0).all()
    assert found.units[0].tolist() == np.argsort(-left[0], kind="stable")[:3].tolist()
    assert found.n_unit == 20
    assert (found.left[0][:, -1] == 1).all()


def test_the_sums_behind_a_unit_are_those_of_recurrence() -> None:
    model = opened("lstm")
    ours = ask("unit", [model], unit=3, token=4)
    theirs = finish(
        answer(figure("recurrence").panel("unit"), {"unit": 3, "token": 4}, models=[model], text=TEXT)
    ).result
    assert ours.lines == theirs.lines
    assert ask("unit", [model]).unit == 0


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(ProbeNotFound, match=r"it needs gate\.candidate, and tiny-rnn has no such probe"):
        ask("gates", [opened("rnn")])
    with pytest.raises(
        BadKnob, match="gate was reset; tiny-lstm have keeps, forget, input, output, candidate, cell, h"
    ):
        ask("gates", [opened("lstm")], gate="reset")
    with pytest.raises(BadKnob, match="layer was 4; tiny-gru has layers 0 to 1"):
        ask("gates", [opened("gru")], layer=4)
    with pytest.raises(BadKnob, match="unit was 8; tiny-gru has units 0 to 7, and −1 for none"):
        ask("survival", [opened("gru")], unit=8)


def test_one_token() -> None:
    found = ask("survival", [opened("lstm")], "a")
    assert found.left[0].tolist() == [[1.0]] * 5
    assert math.isfinite(found.median_half_life[0])
    assert ask("gates", [opened("gru")], "a").values[0].shape == (8, 1)
