"""The model as it started, against what the training itself kept of its step 0; and what a model's provenance says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from small_runs import same, small, text_file, trained, weights
from tiny_models import gpt
from unrolled.checkpoints import catalogue, first, open_model
from unrolled.checkpoints.first import at_start
from unrolled.errors import BadInput

RECURRENT = "model={ context = 16, n_layer = 2, d_embed = 12, d_hidden = 16 }"


def run_of(tmp_path: Path, family: str) -> Path:
    """A short run that kept its start and its end."""
    changes = [] if family == "gpt" else [f'family="{family}"', RECURRENT]
    trained(small(text_file(tmp_path), "keep=[0.0, 1.0]", "bound.steps=2", *changes), tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("family", ["gpt", "rnn", "lstm", "gru"])
def test_it_is_what_the_run_kept_of_its_start(tmp_path: Path, family: str) -> None:
    run = run_of(tmp_path, family)
    started = at_start(open_model(str(run))).module.half().state_dict()
    assert same(started, weights(run / "kept" / "000000000"))
    assert not same(started, weights(run / "kept" / "000000002"))


def test_another_seed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, "gpt")
    monkeypatch.setattr(first, "seed_of", lambda seed, purpose: seed)
    assert not same(at_start(open_model(str(run))).module.half().state_dict(), weights(run / "kept" / "000000000"))


def test_it_is_of_the_models_own_kind(tmp_path: Path) -> None:
    model = open_model(str(run_of(tmp_path, "lstm")), dtype="float64")
    started = at_start(model)
    assert (started.name, started.dtype, started.probes) == (model.name, torch.float64, model.probes)
    assert started.provenance.training == "as its training began: family lstm, seed 3"
    assert started.provenance.hash is None


def test_a_model_of_unknown_start_says_so() -> None:
    with pytest.raises(BadInput, match=r"How tiny started is not known: .* keeps the seed"):
        at_start(gpt())


def test_who_trained_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, "gpt")
    said = open_model(str(run)).provenance
    assert (said.kind, said.training) == ("trained", "trained by unrolled train: family gpt, seed 3")
    kept = open_model(str(run / "kept" / "000000000")).provenance
    assert kept.training == "trained by unrolled train: family gpt, seed 3, 0 steps"
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    shutil.copytree(run, tmp_path / "shipped" / "gpt")
    (tmp_path / "shipped" / "gpt" / "entry.toml").write_text('source = "trained by this project: recipe gpt, seed 3"\n')
    assert open_model("gpt").provenance.training == "trained by this project: recipe gpt, seed 3"
    assert (gpt().provenance.kind, gpt().provenance.training) == ("computed", None)
