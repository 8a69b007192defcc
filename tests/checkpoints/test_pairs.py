"""Our encoder-decoders as opened checkpoints: run folders, probes, and attentions recorded equal to those computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tiny_pairs import KINDS, opened, ours, tokenizer
from unrolled.checkpoints import Model, describe, entry, open_model
from unrolled.checkpoints.pairs import pair_probes
from unrolled.checkpoints.run_folder import RunConfig, write_run_folder
from unrolled.errors import BadInput, EmptyText, ProbeNotFound, TextTooLong
from unrolled.figures import answer, figure
from unrolled.models.families import FAMILIES
from unrolled.progress import finish
from unrolled.trace import HeadOff, Trace, patched, record

SOURCE, TARGET = "the cat sat", "le chat"
every_kind = pytest.mark.parametrize("kind", KINDS)


def write(folder: Path, kind: str, **changes: object) -> torch.nn.Module:
    folder.mkdir()
    tk, module = tokenizer(), ours(kind, **changes)
    run = RunConfig(config=module.config, architecture=kind, source_sha256=None, tokenizer={"eos_ids": tk.eos_ids})
    finish(write_run_folder(folder, run, tk, torch.float32, module.state_dict().items()))
    return module


@every_kind
def test_a_run_folder_opens(cache, tmp_path, kind: str) -> None:
    module = write(tmp_path / "run", kind)
    model = open_model(str(tmp_path / "run"))
    assert model.module.config == module.config
    source, target = model.encode(SOURCE), model.encode_target(TARGET)
    assert source.ids == (*SOURCE.encode(), 258)
    assert target.ids == (257, *TARGET.encode())
    with torch.no_grad():
        ids = torch.tensor([source.ids]), torch.tensor([target.ids])
        assert_close(model.module(*ids), module(*ids))
    found = entry(str(tmp_path / "run"))
    assert (found.probes, found.context, found.takes_target) == (model.probes, 64, True)
    assert describe(str(tmp_path / "run")).tensors.keys() == module.state_dict().keys()


@pytest.mark.parametrize("changes", [{}, {"cell": "lstm"}, {"attention": "none"}, {"attention": "dot"}])
def test_probes_are_the_points_that_there_are(changes: dict[str, str]) -> None:
    module = ours("additive", **changes)
    points = {name.replace(".0.", ".") for name, _ in module.named_modules()} & FAMILIES["seq2seq"].probes
    assert pair_probes(module.config) - {"attn", "target"} == points - {"logits"}
    assert ("attn" in pair_probes(module.config)) == ("attn.weights" in points)


@pytest.mark.parametrize("place", ["post", "pre"])
def test_probes_of_the_transformer(place: str) -> None:
    module = ours("transformer", norm_place=place)
    points = {".".join(name.split(".")[-2:]): part for name, part in module.named_modules()}
    there = {name for name in FAMILIES["transformer"].probes if name in points}
    unused = {"logits"} | ({"norm.final"} if place == "post" else set())
    assert pair_probes(module.config) - {"attn", "target"} == there - unused


def recorded(model: Model) -> Trace:
    return finish(record(model, model.encode(SOURCE), target=model.encode_target(TARGET)))


def computed(model: Model) -> dict[tuple[str, int], Tensor]:
    """Softmax of q·k / √d_head with torch's own words, from what goes into the attentions' linear maps."""
    heard: dict[tuple[str, int], Tensor] = {}
    inputs: dict[str, Tensor] = {}
    for name, module in model.module.named_modules():
        if name.endswith((".query", ".key")):
            module.register_forward_hook(lambda _m, _i, out, name=name: inputs.update({name: out[0]}))
    ids = torch.tensor([model.encode(SOURCE).ids]), torch.tensor([model.encode_target(TARGET).ids])
    with torch.no_grad():
        model.module(*ids)
    for name, query in inputs.items():
        if not name.endswith(".query"):
            continue
        stack, _, layer, part, _ = name.split(".")
        key = inputs[name.replace(".query", ".key")]
        scores = torch.einsum("nhd,mhd->hnm", query.unflatten(1, (4, 4)), key.unflatten(1, (4, 4))) / 2
        kind = "encoder" if stack == "encoder" else "cross" if part == "cross" else "self"
        if kind == "self":
            scores = scores.masked_fill(torch.ones(scores.shape[1:], dtype=torch.bool).triu(1), -torch.inf)
        heard[kind, int(layer)] = scores.softmax(-1)
    return heard


def test_the_transformers_attentions_are_heard() -> None:
    model = opened("transformer")
    trace, wanted = recorded(model), computed(model)
    assert trace.kinds == ("cross", "encoder", "self")
    assert [trace.shape(kind) for kind in trace.kinds] == [(8, 12), (12, 12), (8, 8)]
    assert [trace.causal(kind) for kind in trace.kinds] == [False, False, True]
    assert len(wanted) == 6
    for (kind, layer), weights in wanted.items():
        rows = trace.heads(layer, slice(None), kind=kind)
        assert_close(torch.from_numpy(rows), weights.float())
        assert weights.max() > 3 / weights.shape[2]  # not spread evenly


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_alignments_are_heard_as_they_are(kind: str) -> None:
    model, weights = opened(kind), list[Tensor]()
    trace = recorded(model)
    model.module.attn.weights.register_forward_hook(lambda _m, _i, out: weights.append(out[0]))
    ids = torch.tensor([model.encode(SOURCE).ids]), torch.tensor([model.encode_target(TARGET).ids])
    with torch.no_grad():
        model.module(*ids)
    assert trace.shape("cross") == (8, 12)
    assert_close(torch.from_numpy(trace.heads(0, slice(None))[0]), torch.cat(weights).float())
    assert (trace.explain(0).additive is not None) == (kind == "additive")
    wrong = replace(trace.layers["cross"][0], attention=replace(trace.explain(0), additive=torch.ones(8)))
    twin = replace(trace, layers={"cross": [wrong]})
    with pytest.raises(AssertionError):
        assert_close(torch.from_numpy(twin.heads(0, slice(None))[0]), torch.cat(weights).float())


@pytest.mark.parametrize(("which", "part"), [("cross", "decoder.blocks.1.cross"), ("encoder", "encoder.blocks.1.attn")])
@torch.no_grad()
def test_a_head_switched_off_is_its_rows_of_the_output_map_at_zero(which: str, part: str) -> None:
    model, other = opened("transformer"), ours("transformer").double()
    ids = torch.tensor([model.encode(SOURCE).ids]), torch.tensor([model.encode_target(TARGET).ids])
    before = model.module(*ids)
    with patched(model, [HeadOff(1, 2, kind=which)]) as changed, changed.running() as module:
        patched_logits = module(*ids).clone()
    other.get_submodule(part).output.weight[:, 8:12] = 0
    assert_close(patched_logits, other(*ids))
    assert (patched_logits - before).abs().max() > 0.1
    assert_close(model.module(*ids), before)


@pytest.mark.parametrize("kind", ["transformer", "additive"])
def test_heads_opens(kind: str) -> None:
    model, n_head = opened(kind), 4 if kind == "transformer" else 1
    shown = finish(answer(figure("heads").panel("overview"), {}, models=[model], text=SOURCE, target=TARGET)).result
    assert shown.kind == "cross"
    assert shown.thumbnails.shape[1:] == (n_head, 8, 12)


def test_what_there_is_not_is_said() -> None:
    model = opened("none")
    with pytest.raises(ProbeNotFound, match="the encoder's last state only"):
        recorded(model)
    with pytest.raises(ProbeNotFound, match="no logits"):
        finish(model.next_logits([1, 2]))
    with pytest.raises(TextTooLong, match="reads 64 at most"):
        model.encode("x" * 64)
    with pytest.raises(EmptyText):
        model.encode("")
    with pytest.raises(BadInput, match="needs a target"):
        finish(record(opened("dot"), opened("dot").encode(SOURCE)))
