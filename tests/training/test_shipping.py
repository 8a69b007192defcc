"""What `make checkpoints` ships: a run's weights in float16, and a card whose numbers are those of the shipped file."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from torch.testing import assert_close

import checkpoints as making
from shipped_log import merged, shipped_log
from small_runs import small, text_file, trained, weights
from unrolled.checkpoints import catalogue, open_model
from unrolled.checkpoints.run_log import read_events
from unrolled.checkpoints.run_names import run as open_run
from unrolled.errors import UnrolledError
from unrolled.text import pairs
from unrolled.training import overridden, read_recipe, recipe_of

if TYPE_CHECKING:
    from pathlib import Path

HELD_OUT = "The keeper of the lighthouse wrote down every ship that passed, and read. " * 3
TINY = ["model.d_embed=8", "model.d_hidden=12", "model.context=40", "text.vocabulary=300", "text.pairs=dates"]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place to ship to, and a short corpus to measure on."""
    works = [SimpleNamespace(split=split, title=f"A {split} book") for split in ("train", "validation", "test")]
    held_out = SimpleNamespace(name="fiction", works=works, part=lambda split: HELD_OUT)
    monkeypatch.setattr(making, "corpus", lambda name: held_out)
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "shipped"


def independent(path: Path, text: str) -> float:
    """Nats a token, one token at a time, with no more than 128 read at once in steps of 64."""
    model = open_model(str(path))
    ids, losses, window, stride = model.tokenizer.encode(text).ids, [], 128, 64
    for at in range(1, len(ids)):
        start = 0 if at < window else ((at - window) // stride + 1) * stride
        with torch.no_grad():
            logits = model.module(torch.tensor([ids[start:at]]))[0, -1]
        losses.append(-logits.double().log_softmax(-1)[ids[at]].item())
    return sum(losses) / len(losses)


def test_a_shipped_model_is_half_as_large_and_its_card_is_true(shipped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained(small(text_file(tmp_path), "model.context=128"), run)
    folder = making.ship("gpt", run, shipped)
    kept = weights(folder)
    assert {tensor.dtype for tensor in kept.values()} == {torch.float16}
    assert_close({name: tensor.half() for name, tensor in weights(run).items()}, kept, atol=0, rtol=0)
    assert catalogue.entry("gpt").title == "GPT on English fiction"
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in folder.iterdir())
    row = re.search(r"test: A test book \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|", (folder / "README.md").read_text())
    assert row is not None
    nats = independent(folder, HELD_OUT)
    assert int(row[1]) == len(HELD_OUT) - 1  # bytes, but the first
    assert float(row[2]) == pytest.approx(nats, abs=1e-4)
    assert float(row[3]) == pytest.approx(math.exp(nats), abs=1e-2)
    curve, whole = open_run("gpt"), open_run(str(run))
    assert curve.reports.loss.tolist() == whole.reports.loss.tolist()
    assert curve.samples == whole.samples
    assert (curve.stage, curve.folder, curve.unigram) == ("finished", "", whole.unigram)
    assert not [event for event in read_events(folder) if event["event"] == "saved"]
    with pytest.raises(UnrolledError, match="there already"):
        making.ship("gpt", run, shipped)


def test_a_long_log_is_merged_and_keeps_its_sums() -> None:
    """What the merged measurements add up to, and when, is what the single ones did; a plain mean would not be."""
    draw = random.Random(3)
    tokens = list(itertools.accumulate(draw.choice([64, 49, 200]) for _ in range(1003)))
    events = [
        {"event": "measured", "step": i + 1, "tokens": n, "loss": draw.uniform(1, 7), "tokens_per_second": 50.0 + i}
        for i, n in enumerate(tokens)
    ]
    found = merged(events, 100)
    assert len(found) <= 100
    assert found[-1]["tokens"] == tokens[-1]
    counts = [now - then for then, now in itertools.pairwise([0, *tokens])]
    for each in found:
        until = each["step"]
        nats = sum(n * event["loss"] for n, event in zip(counts[:until], events[:until], strict=True))
        ends = [0, *(one["tokens"] for one in found if one["step"] <= until)]
        ours = sum((now - then) * one["loss"] for then, now, one in zip(ends, ends[1:], found, strict=False))
        assert ours == pytest.approx(nats, rel=1e-6)
    seconds = sum(n / event["tokens_per_second"] for n, event in zip(counts, events, strict=True))
    ends = [0, *(one["tokens"] for one in found)]
    ours = sum((now - then) / one["tokens_per_second"] for then, now, one in zip(ends, ends[1:], found, strict=False))
    assert ours == pytest.approx(seconds, rel=1e-6)
    assert merged(events[:7], 100) == merged(events[:7], 7)
    assert merged([]) == []


def test_an_older_run_is_shipped_with_its_unigram_entropy(tmp_path: Path) -> None:
    trained(small(text_file(tmp_path), "bound.steps=2"), tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    said = read_events(tmp_path / "run")[0]["unigram"]
    lines = log.read_text("utf-8").replace(f', "unigram": {said}', "")
    assert "unigram" not in lines
    log.write_text(lines, "utf-8")
    assert json.loads(shipped_log(tmp_path / "run").splitlines()[0])["unigram"] == said


def test_a_translator_is_shipped_with_its_bleu(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, whole = tmp_path / "run", pairs("dates")
    monkeypatch.setattr(making, "pairs", lambda name: replace(whole, test=whole.test[:6]))
    table = read_recipe("seq2seq") | {"bound": {"steps": 2}}
    trained(recipe_of(overridden(table, TINY), "seq2seq"), run)
    card = (making.ship("en-fr", run, shipped) / "README.md").read_text()
    assert re.search(r"\| 6 test pairs \| BLEU \| chrF \|", card)
    assert len(re.findall(r"\| (greedy|beam of 4) \| [\d.]+ \| [\d.]+ \|", card)) == 2
    assert card.count(" → ") == 5
    assert catalogue.entry("en-fr").licence == "MPL-2.0"
    assert catalogue.entry("en-fr").takes_target
