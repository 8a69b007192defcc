"""Parameters and FLOPs of published models against hand sums, printed arithmetic worked out again, sizes of vectors by
hand, and every door into another figure tried."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from unrolled.checkpoints import open_model
from unrolled.errors import EmptyText
from unrolled.figures import answer, check_knobs, figure
from unrolled.models.presets import PRESETS
from unrolled.progress import finish
from unrolled.trace import record, wrap

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

FRANCE = "The capital of France is"
N = 1000

Made = dict[str, int]


def ask(panel: str, *models: Model, text: str | None = None, **knobs: Any) -> Any:
    target = knobs.pop("target", None)
    asked = figure("architecture").panel(panel)
    return finish(answer(asked, knobs, models=models, text=text, target=target)).result


shipped = cache(open_model)


def gpt_by_hand(layers: int, d: int, vocabulary: int, context: int, *, last_norm: bool) -> tuple[int, int]:
    """Radford et al.: biases everywhere, an MLP four times as wide, learned positions, the table as head."""
    attention, mlp, norms = 4 * (d * d + d), 2 * 4 * d * d + 4 * d + d, 2 * 2 * d
    parameters = vocabulary * d + context * d + layers * (attention + mlp + norms) + (2 * d if last_norm else 0)
    operations = 2 * (layers * (4 * d * d + 8 * d * d) + vocabulary * d) + 4 * layers * N * d
    return parameters, operations


def transformer_by_hand(d: int, ff: int, vocabulary: int) -> tuple[int, int]:
    """Vaswani et al., six blocks a side: three attentions, two MLPs, five norms; one table."""
    attention, mlp, norm = 4 * (d * d + d), 2 * d * ff + ff + d, 2 * d
    parameters = vocabulary * d + 6 * (3 * attention + 2 * mlp + 5 * norm)
    operations = 2 * (6 * (3 * 4 * d * d + 2 * 2 * d * ff) + vocabulary * d) + 6 * 3 * 4 * N * d
    return parameters, operations


def llama_by_hand(layers: int, d: int, ff: int, vocabulary: int) -> tuple[int, int]:
    """Touvron et al.: no biases, three matrices in the MLP, a head of its own."""
    matrices = layers * (4 * d * d + 3 * d * ff)
    parameters = 2 * vocabulary * d + matrices + (2 * layers + 1) * d
    return parameters, 2 * (matrices + vocabulary * d) + 4 * layers * N * d


BY_HAND = {
    "transformer-base": transformer_by_hand(512, 2048, 37_000),
    "transformer-big": transformer_by_hand(1024, 4096, 37_000),
    "gpt-1": gpt_by_hand(12, 768, 40_478, 512, last_norm=False),
    "gpt-2": gpt_by_hand(12, 768, 50_257, 1024, last_norm=True),
    "gpt-2-xl": gpt_by_hand(48, 1600, 50_257, 1024, last_norm=True),
    "gpt-3": gpt_by_hand(96, 12_288, 50_257, 2048, last_norm=True),
    "llama-7b": llama_by_hand(32, 4096, 11_008, 32_000),
    "llama-65b": llama_by_hand(80, 8192, 22_016, 32_000),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_published_models_are_as_a_hand_sum_has_them(name: str) -> None:
    found = ask("published", preset=name, context=N)
    assert (found.total_parameters, found.total_operations) == BY_HAND[name]


def test_the_hand_sums_are_the_known_ones() -> None:
    """From the releases: GPT-2's and GPT-1's weights; GPT-3's 174,600 M of its Table D.1; LLaMA's weights."""
    known = {"gpt-2": 124_439_808, "gpt-1": 116_534_784, "gpt-2-xl": 1_557_611_200, "llama-7b": 6_738_415_616}
    assert {name: BY_HAND[name][0] for name in known} == known
    assert round(BY_HAND["gpt-3"][0] / 1e6, -1) == 174_600
    wrong = gpt_by_hand(12, 768, 50_257, 1024, last_norm=False)
    assert wrong[0] != ask("published", preset="gpt-2", context=N).total_parameters


@pytest.mark.parametrize(("name", "printed"), [("transformer-base", 65e6), ("transformer-big", 213e6)])
def test_base_and_big_are_near_what_the_paper_prints(name: str, printed: float) -> None:
    assert ask("published", preset=name).total_parameters == pytest.approx(printed, rel=0.04)


def test_keys_and_values_of_gpt3_and_of_a_model_that_shares_them(smollm2: Model) -> None:
    gpt3 = ask("published", preset="gpt-3", context=2048)
    assert gpt3.kept_bytes == 2 * 96 * 12_288 * 2048 * 2
    small = ask("model", smollm2, text=FRANCE, context=8192)
    assert small.kept_bytes == 2 * 30 * (3 * 64) * 8192 * 4  # 3 of 9 heads have keys of their own
    assert small.weights_bytes == 4 * smollm2.parameters == 4 * small.total_parameters


def worked_out(said: str) -> list[bool]:
    """Every "a × b + c = d" in a sentence: whether it is true."""
    plain = said.replace(",", "").replace(" bytes", "").replace(" tokens", "")
    found = re.findall(r"([\d×+() ]+?[×+][\d×+() ]+?) = (\d+)", plain)
    return [eval(left.replace("×", "*")) == int(right) for left, right in found]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gpt", "en-fr", "en-fr-bottleneck", "en-fr-transformer"])
def test_every_printed_sum_is_true_and_adds_up(name: str) -> None:
    found = ask("model", shipped(name), text="I like cats.", context=777)
    sentences = (*found.parameters_said, *found.operations_said, found.total_parameters_said, found.kept_said)
    sentences = (*sentences, found.total_operations_said, found.weights_said)
    checks = [check for said in sentences for check in worked_out(said)]
    assert len(checks) > 10
    assert all(checks)
    for each, said in zip(found.parameters, found.parameters_said, strict=True):
        assert said in ("none", "none of its own") or said.endswith(f"{each:,}")
    assert int(found.repeats @ found.parameters) == found.total_parameters == shipped(name).parameters
    assert int(found.repeats @ found.operations) == found.total_operations
    assert not all(worked_out(found.total_parameters_said.replace(f"{found.total_parameters:,}", "1")))


def test_vectors_have_the_size_that_a_recording_gives() -> None:
    model = shipped("gpt")
    found = ask("model", model, text=FRANCE, block=2)
    row = {path: found.sizes[i] for i, path in enumerate(found.paths)}
    trace = finish(record(model, model.encode(FRANCE), residual=True))

    def rms(x: Any) -> np.ndarray:
        return np.asarray(x.float().square().mean(-1).sqrt())

    embedded = torch.from_numpy(model.embeddings(model.encode(FRANCE).ids))
    np.testing.assert_allclose(row["embed"], rms(embedded), rtol=1e-6)
    assert trace.stream is not None
    written = trace.stream[2, "mid"] - trace.stream[2, "pre"]
    np.testing.assert_allclose(row["blocks.2.attn.output"], rms(written), rtol=1e-3)
    assert found.read == model.encode(FRANCE).strings
    assert np.isnan(row["blocks.2.attn"]).all()


def test_a_pair_flows_on_both_sides() -> None:
    found = ask("model", shipped("en-fr-transformer"), text="I like cats.", target="J’aime")
    n, m = len(found.read), len(found.target_read)
    assert n != m
    rows = dict(zip(found.paths, found.sizes, strict=True))
    assert (
        np.isfinite(rows["encoder.blocks.0.mlp.up"]).sum() == np.isfinite(rows["decoder.blocks.0.cross.key"]).sum() == n
    )
    assert np.isfinite(rows["decoder.blocks.0.mlp.up"]).sum() == m


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gpt", "en-fr", "en-fr-transformer", "minilm", "smollm2"])
def test_every_door_leads_to_a_figure_that_opens(name: str) -> None:
    model = shipped(name)
    doors = {door for doors in ask("model", model, text="I like cats.").opens for door in doors.split()}
    assert doors or name == "minilm"
    for door in doors:
        there, _, state = door.partition("#")
        said = dict(pair.split("=") for pair in state.split("&"))
        panel = figure(there).panel(said.pop("panel", None))
        assert panel.why_closed(name, model.probes) is None, door
        knobs = {key: int(value) if value.isdecimal() else value for key, value in said.items()}
        check_knobs(panel, {key: value for key, value in knobs.items() if "." not in key})


def test_sizes_add_up_and_loaded_models_stand_last() -> None:
    found = ask("sizes", shipped("lstm"), shipped("gpt"), context=N)
    np.testing.assert_array_equal(found.embedding + found.attention + found.mlp + found.rest, found.parameters)
    assert found.names[-2:] == ("lstm", "gpt")
    assert found.keys[: len(PRESETS)] == tuple(PRESETS)
    by_key = dict(zip(found.keys, zip(found.parameters.tolist(), found.operations.tolist(), strict=True), strict=True))
    assert {key: by_key[key] for key in BY_HAND} == BY_HAND
    assert (found.layers[0], found.layers[found.keys.index("gpt-3")], found.layers[-1]) == (6, 96, 4)
    assert found.growing[-2] == 0  # an LSTM looks at no other token


def test_one_token_a_block_too_far_and_no_text() -> None:
    assert ask("model", shipped("gpt"), text="a").sizes.shape[1] == 1
    beyond, last = (ask("model", shipped("gpt"), text=FRANCE, block=block) for block in (9, 3))
    np.testing.assert_array_equal(beyond.sizes, last.sizes)
    with pytest.raises(EmptyText):
        ask("model", shipped("gpt"), text=" ")


def test_a_readers_own_module_is_drawn_too() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 24, batch_first=True, dropout=0)
    module = nn.Sequential(nn.Embedding(20, 16), nn.TransformerEncoder(layer, 3), nn.Linear(16, 20))
    found = ask("model", wrap(module, name="mine"), text="1 2 3 4")
    assert (found.n_blocks, found.stacks[1], found.total_parameters) == (
        3,
        "1.layers",
        found.repeats @ found.parameters,
    )
    assert found.roles[-1] == "head"
