"""Recurrent models as opened checkpoints: run folders of every family, reuse of the state, what they say they lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tiny_recurrent import NAMES, opened, ours
from unrolled.checkpoints import Model, describe, entry, open_model
from unrolled.checkpoints.recurrent import LONGEST
from unrolled.checkpoints.run_folder import RunConfig, read_run_config, to_toml, write_run_folder
from unrolled.errors import BadCheckpoint, ProbeNotFound, TextTooLong, UnsupportedModel
from unrolled.figures import answer, figure
from unrolled.models.families import FAMILIES
from unrolled.progress import finish
from unrolled.text import byte_tokenizer
from unrolled.trace import lens, logits_of, losses, record

TEXT = "The cat sat on the mat, and the dog lay down beside it in the sun."
every_family = pytest.mark.parametrize("name", NAMES)
RECIPE = {
    "seed": 1,
    "text": "fiction",
    "minutes": 2.5,
    "optimiser": {"rate": 0.001, "betas": [0.9, 0.95], "fused": True},
    "schedule": {"warm_up": 100, "late": {"a key": 'x\n"y"'}},
}


def write(folder: Path, name: str, dtype: torch.dtype = torch.float32, **changes: object) -> torch.nn.Module:
    folder.mkdir()
    tokenizer = byte_tokenizer()
    module = ours(name, vocabulary=tokenizer.vocabulary, **changes)
    said = {"bos_id": tokenizer.bos_id, "eos_ids": tokenizer.eos_ids}
    run = RunConfig(config=module.config, architecture=name, source_sha256=None, tokenizer=said, training=RECIPE)
    finish(write_run_folder(folder, run, tokenizer, dtype, module.state_dict().items()))
    return module


@every_family
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_run_folder_opens(cache, tmp_path, name: str, dtype: torch.dtype) -> None:
    changes = {"rnn": {"nonlinearity": "relu"}, "lstm": {"forget_bias": 0.0}, "gru": {"reset": "before"}}[name]
    module = write(tmp_path / "run", name, dtype, **changes)
    model = open_model(str(tmp_path / "run"), dtype="float64")
    assert model.module.config == module.config
    ids = model.encode(TEXT).ids
    logits = finish(model.next_logits(ids))
    module.to(dtype).double()
    assert_close(torch.from_numpy(logits), module(torch.tensor([ids]))[0, -1].detach().float())
    assert model.probes == FAMILIES[name].probes
    assert model.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert model.context == LONGEST
    said = describe(str(tmp_path / "run"))
    assert (said.entry.probes, said.entry.context, said.entry.parameters) == (
        model.probes,
        LONGEST,
        model.parameters,
    )
    assert said.tensors.keys() == module.state_dict().keys()
    with pytest.raises(TextTooLong, match=r"reads 65,536 at most"):
        model.encode("x" * (LONGEST + 1))


def test_the_recipe_is_kept(cache, tmp_path) -> None:
    write(tmp_path / "run", "lstm")
    run = read_run_config(tmp_path / "run")
    assert run.family == "lstm"
    assert run.training == RECIPE
    assert to_toml(run) == (tmp_path / "run" / "config.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("n_layer = 2", "n_layer = 0", r"n_layer = '0' is not possible"),
        ("n_layer = 2", "n_layer = 3", r"no tensor 'layers.2.weight_ih_l0'"),
        ("n_layer = 2", "n_layer = 1", r"tensors that its config does not know: layers.1"),
        ("d_hidden = 8", "d_hidden = 9", r"is \[32, 6\], its config says \[36, 6\]"),
        ("d_hidden = 8", "d_hidden = 8\nd_model = 8", "unknown or missing entries: d_model"),
        ("d_hidden = 8", "d_hidden = 2000000000", "larger than any memory|its config says"),
        ("dropout = 0.0", "dropout = 1.5", r"\[model\] dropout = 1.5 is not possible: a share from 0 to below 1"),
        ("dropout = 0.0", "dropout = -0.5", "dropout = '-0.5' is not possible"),
        ("forget_bias = 1.0", 'forget_bias = "open"', "forget_bias = 'open' is not possible"),
        ('family = "lstm"', 'family = "gru"', "unknown or missing entries: forget_bias"),
        ('family = "lstm"', "family = 3", "is of the family 3; there are rnn, lstm, gru"),
    ],
)
def test_run_folders_that_do_not_hold_together(cache, tmp_path, old: str, new: str, says: str) -> None:
    write(tmp_path / "run", "lstm")
    path = tmp_path / "run" / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises((BadCheckpoint, UnsupportedModel), match=says):
        open_model(str(tmp_path / "run"))


def cold(name: str, text: str) -> np.ndarray:
    model = opened(name)
    return finish(model.next_logits(model.encode(text).ids))


class Counted:
    """Tokens that the first layer reads."""

    def __init__(self, model: Model) -> None:
        self.tokens = 0
        model.blocks[0].register_forward_pre_hook(self.count)

    def count(self, _: object, inputs: tuple[torch.Tensor, ...]) -> None:
        self.tokens += inputs[0].shape[1]

    def since(self) -> int:
        read, self.tokens = self.tokens, 0
        return read


@every_family
def test_typing_reads_only_what_is_new(name: str) -> None:
    model = opened(name)
    counted = Counted(model)
    read = []
    for text in (TEXT, TEXT + " ", TEXT + " I", TEXT + " A", TEXT, TEXT[:-5] + "!", TEXT[:-5] + "!"):
        logits = finish(model.next_logits(model.encode(text).ids))
        read.append(counted.since())
        np.testing.assert_allclose(logits, cold(name, text), atol=1e-6)
    assert read == [66, 1, 1, 1, 1, 4, 1]  # 61 letters are shared then, and a snapshot was left after 58
    assert model.kept() == [62]


@every_family
def test_a_long_text_falls_back_to_a_snapshot(name: str) -> None:
    model = opened(name)
    counted = Counted(model)
    long = (TEXT * 5)[:300]
    finish(model.next_logits(model.encode(long).ids))
    assert counted.since() == 300
    changed = long[:200] + "#" + long[201:]
    logits = finish(model.next_logits(model.encode(changed).ids))
    assert counted.since() == 300 - 192
    np.testing.assert_allclose(logits, cold(name, changed), atol=1e-6)


@every_family
def test_what_is_read_at_all_positions_is_the_models_own(name: str) -> None:
    model = opened(name)
    tokens = model.encode(TEXT)
    wanted = model.module(torch.tensor([tokens.ids]))[0]
    found = finish(logits_of(model, tokens, range(len(tokens))))
    assert_close(torch.from_numpy(found), wanted.float())
    nats = torch.nn.functional.cross_entropy(wanted[:-1], torch.tensor(tokens.ids[1:]), reduction="none")
    assert_close(torch.from_numpy(finish(losses(model, tokens))), nats.float())


@every_family
def test_next_token_takes_them_at_once(name: str) -> None:
    model = opened(name)
    panel = figure("next_token").panel()
    found = finish(answer(panel, {}, models=[model], text=TEXT)).result
    wanted = torch.from_numpy(cold(name, TEXT)).double().softmax(dim=0)
    assert_close(torch.from_numpy(found.top_probabilities[0]), wanted.topk(len(found.top_probabilities[0]))[0])


@every_family
def test_what_they_lack_is_said_with_what_they_open(name: str) -> None:
    model = opened(name)
    has = ", ".join(sorted(model.probes))
    for figure_name, needs in (("heads", "attn"), ("lens", "resid")):
        with pytest.raises(ProbeNotFound) as error:
            finish(answer(figure(figure_name).panel(), {}, models=[model], text=TEXT))
        said = str(error.value)
        assert f"it needs {needs}, and tiny-{name} has no such probe (it has {has})." in said
        opens = said.partition("Figures that it opens: ")[2].rstrip(".").split(", ")
        assert "next_token" in opens
        assert not {"heads", "lens", "attention_calculator"} & set(opens)
    with pytest.raises(ProbeNotFound, match="no probe 'attn': its layers are recurrent"):
        finish(record(model, model.encode(TEXT)))
    with pytest.raises(ProbeNotFound, match="no probe 'resid': its layers share no residual stream"):
        finish(lens(model, model.encode(TEXT)))


def test_rows_of_the_embedding() -> None:
    model = opened("gru")
    rows = model.embeddings([3, 0])
    assert_close(torch.from_numpy(rows), model.module.embed.weight[[3, 0]].float())


def test_known_by_path(cache, tmp_path) -> None:
    write(tmp_path / "run", "rnn")
    assert entry(str(tmp_path / "run")).architecture == "rnn"
