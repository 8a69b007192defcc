"""The models that come with the package: what their cards and the design say of them, looked at in the files."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from unrolled import scoring
from unrolled.checkpoints import catalogue, open_model
from unrolled.checkpoints.run_folder import read_run_config
from unrolled.progress import finish
from unrolled.text import corpus
from unrolled.training import read_recipe

LANGUAGE = ("rnn", "lstm", "gru", "gpt")
RECIPES = {name: name for name in LANGUAGE} | {
    "en-fr": "seq2seq",
    "en-fr-bottleneck": "seq2seq_bottleneck",
    "en-fr-transformer": "transformer",
}
SHIPPED = sorted(path.name for path in catalogue.SHIPPED.iterdir() if (path / catalogue.ENTRY).is_file())


def card(name: str) -> str:
    return (catalogue.SHIPPED / name / "README.md").read_text(encoding="utf-8")


def folder(name: str) -> Path:
    return catalogue.SHIPPED / name


def test_the_language_models_are_there() -> None:
    assert set(LANGUAGE) <= set(SHIPPED) <= set(RECIPES)


@pytest.mark.parametrize("name", SHIPPED)
def test_hash_on_card_and_in_entry_are_the_files(name: str) -> None:
    digest = hashlib.sha256((folder(name) / "model.safetensors").read_bytes()).hexdigest()
    assert tomllib.loads((folder(name) / "entry.toml").read_text())["sha256"] == digest
    assert digest in card(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_was_trained_by_the_recipe_that_is_shipped(name: str) -> None:
    said = dict(read_run_config(folder(name)).training)
    run = said.pop("run")
    for key, value in read_recipe(RECIPES[name]).items():
        assert said[key] == (said[key] | value if isinstance(value, dict) else value), key
    assert run["steps"] > 0
    log = [json.loads(line) for line in (folder(name) / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[-1]["event"] == "ended"
    assert log[-1]["steps"] == run["steps"]


def test_the_four_are_equally_large_and_saw_the_same() -> None:
    models = {name: open_model(name) for name in LANGUAGE}
    beyond = {name: model.parameters - model.module.embed.weight.numel() for name, model in models.items()}
    assert max(beyond.values()) <= 1.02 * beyond["gpt"]
    assert min(beyond.values()) >= 0.98 * beyond["gpt"]
    for name in LANGUAGE:
        assert f"{models[name].parameters:,} parameters, {beyond[name]:,} beyond" in card(name)
    told = [read_run_config(folder(name)).training for name in LANGUAGE]
    for same in (
        lambda t: (t["text"], t["batch"], t["seed"], t["bound"], t["model"]["context"]),
        lambda t: (t["run"]["steps"], t["run"]["train_tokens"], t["run"]["tokenizer_sha256"]),
    ):
        assert all(same(one) == same(told[0]) for one in told)


@pytest.mark.parametrize("name", ["lstm", "gpt"])
def test_the_cards_number_is_what_the_file_gives(name: str) -> None:
    row = re.search(r"\| validation: .*? \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", card(name))
    assert row is not None
    found = finish(scoring.score(open_model(name), corpus("fiction").validation, window=256, stride=128))
    assert found.tokens == int(row[1].replace(",", ""))
    assert found.nats_per_token == pytest.approx(float(row[2]), abs=2e-4)
    assert found.bits_per_byte == pytest.approx(float(row[4]), abs=2e-4)


@pytest.mark.parametrize("name", SHIPPED)
def test_who_trained_it_is_said(name: str) -> None:
    assert "trained by this project" in str(open_model(name).provenance.training)


def test_all_of_it_fits_the_budget() -> None:
    """Language models 10 MB, translators 10 MB."""
    size = {name: sum(path.stat().st_size for path in folder(name).rglob("*") if path.is_file()) for name in SHIPPED}
    assert sum(size[name] for name in LANGUAGE) < 10e6
    assert sum(size[name] for name in SHIPPED if name not in LANGUAGE) < 10e6
