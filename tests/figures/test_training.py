"""The figure of training runs: its numbers are those of the log and of the token files, counted here by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small_runs import small, stopped, text_file, trained
from unrolled.checkpoints.run_names import run
from unrolled.checkpoints.runs import Run
from unrolled.errors import BadInput
from unrolled.figures import answer, figure
from unrolled.figures import training as figure_of_runs
from unrolled.progress import finish
from unrolled.training import read_run, recipe_of, table_of
from unrolled.training.run import make_batches

STEPS, REPORTS = 12, [3, 6, 9, 12]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("trained")
    recipe = small(text_file(place), "keep=[0.0, 0.25, 1.0]", "report_tokens=64", "reports=4")
    trained(recipe, place / "run")
    return place / "run"


def events_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def ask(*runs: Run, panel: str = "curves", **knobs: Any) -> Any:
    return finish(answer(figure("training").panel(panel), knobs, runs=runs)).result


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def by_hand(measured: list[dict[str, Any]], window: int) -> list[tuple[float, int]]:
    """Nats and tokens of the last `window` measurements, each time, in plain loops."""
    found = []
    for last in range(len(measured)):
        nats, tokens = 0.0, 0
        for i in range(max(0, last - window + 1), last + 1):
            count = measured[i]["tokens"] - (measured[i - 1]["tokens"] if i else 0)
            nats, tokens = nats + count * measured[i]["loss"], tokens + count
        found.append((nats, tokens))
    return found


def learnt_from(folder: Path) -> list[int]:
    """Tokens until each step, counted in what the model was given to predict."""
    batches = make_batches(read_run(folder))
    return np.cumsum([int((batches.train(step).targets >= 0).sum()) for step in range(1, STEPS + 1)]).tolist()


def compare(result: Any, folder: Path, window: int) -> None:
    """Every number of a run's curves."""
    events = events_of(folder)
    measured, reports = of(events, "measured"), of(events, "heldout")
    np.testing.assert_array_equal(result.loss[0], [each["loss"] for each in measured])
    np.testing.assert_array_equal(result.learning_rate[0], [each["learning_rate"] for each in measured])
    seen = learnt_from(folder)
    np.testing.assert_array_equal(result.tokens_seen[0], seen)
    nats, tokens = zip(*by_hand(measured, window), strict=True)
    np.testing.assert_allclose(result.window_nats[0], nats, rtol=1e-12)
    np.testing.assert_array_equal(result.window_tokens[0], tokens)
    np.testing.assert_allclose(result.smoothed_loss[0], np.array(nats) / tokens, rtol=1e-12)
    np.testing.assert_allclose(result.smoothed_perplexity[0], np.exp(np.array(nats) / tokens), rtol=1e-12)
    np.testing.assert_array_equal(result.held_out_loss[0], [each["loss"] for each in reports])
    np.testing.assert_allclose(result.held_out_perplexity[0], [each["perplexity"] for each in reports], rtol=1e-12)
    np.testing.assert_array_equal(result.held_out_tokens[0], [seen[step - 1] for step in REPORTS])
    seconds = 0.0
    for each, count, shown in zip(measured, np.diff([0, *seen]), result.seconds[0], strict=True):
        seconds += count / each["tokens_per_second"]
        assert shown == pytest.approx(seconds)


@pytest.mark.parametrize("window", [1, 3, 10, 200])
def test_the_numbers_are_the_logs(folder: Path, window: int) -> None:
    compare(ask(run(str(folder)), window=window), folder, window)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("running_sums", lambda values, window: figure_of_runs_sums(values, window + 1)),
        ("running_sums", lambda values, window: np.roll(figure_of_runs_sums(values, window), 1)),
        ("since_before", lambda tokens: np.diff(tokens, append=2 * tokens[-1])),
        ("since_before", lambda tokens: tokens),
    ],
)
def test_a_step_too_many_and_tokens_counted_wrongly_are_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., Any]
) -> None:
    monkeypatch.setattr(figure_of_runs, name, broken)
    with pytest.raises(AssertionError):
        compare(ask(run(str(folder)), window=3), folder, 3)


figure_of_runs_sums = figure_of_runs.running_sums


def test_what_guessing_costs_is_counted_from_the_token_files(folder: Path) -> None:
    result = ask(run(str(folder)))
    held_out = np.fromfile(folder / "tokens" / "held_out.bin", np.uint16)[1:].tolist()  # the first is not predicted
    entropy = 0.0
    for count in Counter(held_out).values():
        entropy -= count / len(held_out) * math.log(count / len(held_out))
    assert result.unigram_loss[0] == pytest.approx(entropy, rel=1e-12)
    assert result.unigram_perplexity[0] == pytest.approx(math.exp(entropy))
    vocabulary = len(json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
    assert result.uniform_perplexity[0] >= vocabulary
    assert result.uniform_loss[0] == math.log(result.uniform_perplexity[0])
    assert 0 < result.unigram_loss[0] < result.uniform_loss[0]


def test_unigram_of_sentence_pairs_counts_targets_and_their_ends(tmp_path: Path) -> None:
    from unrolled.training.batches import PairBatches, Pairs, Special, TextBatches

    flat, ends = np.array([5, 6, 7, 8, 8, 9], np.uint16), np.array([1, 3, 4, 6])  # 5 → 6 7; 8 → 8 9
    pairs = Pairs(flat, ends)
    batches = PairBatches(pairs, pairs, Special(pad=0, bos=1, eos=2), batch=2, seed=1)
    assert batches.held_out_counts(11).tolist() == [0, 0, 2, 0, 0, 0, 1, 1, 1, 1, 0]
    targets = torch.cat([batch.targets.flatten() for batch in batches.held_out()])
    assert batches.held_out_counts(11).tolist() == torch.bincount(targets[targets >= 0], minlength=11).tolist()
    text = TextBatches(flat, flat, context=2, batch=2, seed=1)
    targets = torch.cat([batch.targets.flatten() for batch in text.held_out()])
    assert text.held_out_counts(11).tolist() == torch.bincount(targets[targets >= 0], minlength=11).tolist()


def test_samples_are_those_of_the_log(folder: Path) -> None:
    events, seen = events_of(folder), learnt_from(folder)
    result = ask(run(str(folder)), panel="samples")
    assert list(result.texts[0]) == [each["text"] for each in of(events, "sampled")]
    assert list(result.prompts[0]) == [each["prompt"] for each in of(events, "sampled")]
    assert result.step[0].tolist() == REPORTS
    assert result.tokens_seen[0].tolist() == [seen[step - 1] for step in REPORTS]
    assert result.held_out_loss[0].tolist() == [each["loss"] for each in of(events, "heldout")]


def test_where_weights_were_kept(folder: Path) -> None:
    result = ask(run(str(folder)))
    kept = sorted(int(path.name) for path in (folder / "kept").iterdir())
    assert result.kept_step[0].tolist() == kept == [0, 3, 12]
    seen = learnt_from(folder)
    assert result.kept_tokens[0].tolist() == [0, seen[2], seen[11]]


def test_a_run_on_the_way_says_how_to_go_on(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = small(text_file(tmp_path))
    stopped(recipe, tmp_path / "run", 5)
    result = ask(run(str(tmp_path / "run")))
    assert result.status[0].startswith("stopped at step 5 of 12; go on with `unrolled train --out ")
    assert result.live == (False,)
    assert result.kept_step[0].size == 0
    list(trained(None, tmp_path / "run", resume=True))
    assert ask(run(str(tmp_path / "run"))).status == ("finished after 12 steps",)


def test_runs_that_do_not_compare_say_so(folder: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = small(text_file(tmp_path), "text.held_out=0.2", "bound.steps=2", "optimiser.label_smoothing=0.1")
    trained(recipe_of(table_of(recipe), "smoothed"), tmp_path / "other")
    one, other = run(str(folder)), run(str(tmp_path / "other"))
    assert ask(one, one).note == ""
    note = ask(one, other).note
    assert "their losses and perplexities do not compare" in note
    assert f"label smoothing in {other.name} (0.1)" in note
    assert ask(one, other).held_out_size[0] != ask(one, other).held_out_size[1]


def test_the_same_snapshot_gives_the_same_answer(folder: Path) -> None:
    from unrolled import wire

    panel = figure("training").panel("curves")
    blobs = {wire.encode(finish(answer(panel, {}, runs=[run(str(folder))]))) for _ in range(2)}
    assert len(blobs) == 1
    (source,) = finish(answer(panel, {}, runs=[run(str(folder))])).provenance
    assert (source.kind, source.training) == ("recorded", "trained by unrolled train: family gpt, seed 3")


def test_how_many_runs(folder: Path) -> None:
    one = run(str(folder))
    with pytest.raises(BadInput, match=r"training \(curves\) needs a training run"):
        ask()
    with pytest.raises(BadInput, match="at most 4 runs; 5 were given"):
        ask(*[one] * 5)
    with pytest.raises(BadInput, match="takes no run"):
        finish(answer(figure("lens").panel(), {}, runs=[one]))
    with pytest.raises(BadInput, match="takes no text"):
        finish(answer(figure("training").panel(), {}, runs=[one], text="a"))
