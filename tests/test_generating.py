"""Writing on: greedy against transformers, draws against the figure, characters whole, ends respected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tiny_models import TEXT, gpt, save
from unrolled import cli, figures, generating
from unrolled.checkpoints import Model, open_model
from unrolled.errors import BadKnob, ModelError, TextTooLong
from unrolled.generating import Continuation, Drawn, Sampling
from unrolled.progress import Progress, finish
from unrolled.text import byte_tokenizer

GREEDY = Sampling(temperature=0)
PROMPT = "The capital of France is"


def written(
    model: Model, ids: Sequence[int], n: int, sampling: Sampling = GREEDY, seed: int = 0
) -> tuple[list[Progress], list[Drawn], Continuation]:
    events: list[Any] = []
    work = generating.generating(model, ids, n, sampling, seed=seed)
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            told = [event for event in events if isinstance(event, Progress)]
            return told, [event for event in events if isinstance(event, Drawn)], end.value


class Script:
    """A model over bytes whose next token is always the next one of a script; what `generating` needs of a Model."""

    def __init__(self, script: Sequence[int], eos: int = 257, context: int = 64) -> None:
        self.script, self.context, self.name = list(script), context, "script"
        self.tokenizer = byte_tokenizer()
        assert self.tokenizer.eos_ids == (eos,)

    def next_logits(self, ids: Sequence[int]) -> Any:
        yield Progress(0, len(ids), "tokens read")
        logits = np.zeros(258, np.float32)
        logits[self.script[len(ids) - 1]] = 9
        return logits


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral"])
def test_greedy_is_transformers_greedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    folder = save(tmp_path / kind, kind)
    ours = open_model(str(folder), dtype="float64")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    ids = ours.tokenizer.encode(TEXT).ids
    _, drawn, whole = written(ours, ids, 20)
    wanted = list(ids)
    for _ in drawn:
        with torch.no_grad():
            wanted.append(int(theirs(torch.tensor([wanted])).logits[0, -1].argmax()))
    assert [each.id for each in drawn] == list(whole.ids) == wanted[len(ids) :]


def test_smollm2_says_paris_and_the_same_seed_the_same_text(smollm2: Model) -> None:
    ids = smollm2.encode(PROMPT).ids
    assert written(smollm2, ids, 1)[2].text == " Paris"
    warm = Sampling(temperature=1.2, top_k=50)
    first, again, other = (written(smollm2, ids, 12, warm, seed)[2] for seed in (3, 3, 4))
    assert first == again
    assert first.ids != other.ids


def test_the_same_draws_as_the_figure(smollm2: Model) -> None:
    knobs = {"temperature": 1.1, "top_k": 30, "top_p": 0.95, "min_p": 0.01}
    panel = figures.figure("next_token").panel("sample")
    answer = finish(figures.answer(panel, {**knobs, "n_tokens": 10, "seed": 5}, models=[smollm2], text=PROMPT))
    found = written(smollm2, smollm2.encode(PROMPT).ids, 10, Sampling(**knobs), seed=5)[2]
    assert list(found.ids) == answer.result.ids[0].tolist()
    assert found.text == answer.result.text[0]


KNOBS = [
    {"temperature": 0.7},
    {"temperature": 0.5, "top_k": 5},
    {"top_p": 0.8},
    {"temperature": 1.3, "min_p": 0.05},
    {"temperature": 1.2, "top_k": 40, "top_p": 0.9, "min_p": 0.02},
]


@pytest.mark.parametrize("knobs", KNOBS)
def test_draws_follow_the_figure_s_probabilities(knobs: dict[str, float]) -> None:
    model = gpt(head=0.4)
    assert chi_square(model, knobs, knobs) < 1
    assert chi_square(model, knobs, {**knobs, "temperature": 1.4 * knobs.get("temperature", 1.0)}) > 1


def chi_square(model: Model, drawn_by: dict[str, float], shown_by: dict[str, float]) -> float:
    """Pearson's statistic of 10,000 draws against what the figure shows, over its critical value at 1 in 10,000."""
    panel = figures.figure("next_token").panel("distribution")
    shown = finish(figures.answer(panel, {**shown_by, "top_n": 50}, models=[model], text="It was")).result
    logits = finish(model.next_logits(model.encode("It was").ids))
    random, sampling, n = np.random.default_rng(11), Sampling(**drawn_by), 10_000
    counts: dict[int, int] = {}
    for _ in range(n):
        counts[token] = counts.get(token := sampling.draw(logits, random), 0) + 1
    expected = shown.top_probabilities[0] * n
    enough = expected >= 5
    observed = np.array([counts.get(int(id_), 0) for id_ in shown.top_ids[0]])[enough]
    cells, seen = [*expected[enough], n - expected[enough].sum()], [*observed, n - observed.sum()]
    if cells[-1] < 5:  # the rest is too small for a cell of its own
        cells, seen = cells[:-1], seen[:-1]
    statistic = sum((o - e) ** 2 / e for o, e in zip(seen, cells, strict=True))
    degrees = len(cells) - 1
    wilson_hilferty = degrees * (1 - 2 / (9 * degrees) + 3.719 * (2 / (9 * degrees)) ** 0.5) ** 3
    return float(statistic / wilson_hilferty)


def test_it_stops_at_the_end_token() -> None:
    model: Any = Script([*b"xHi", 257, *b"never"])
    _, drawn, whole = written(model, [0], 8)
    assert (whole.text, whole.stopped) == ("xHi", "end")
    assert whole.ids == (*b"xHi", 257)
    assert len(drawn) == 4
    assert written(model, [0], 2)[2].stopped == "length"


def test_characters_come_whole() -> None:
    text = "né 猫 🙂!"
    model: Any = Script([*text.encode(), 257])
    _, drawn, whole = written(model, [0], 30)
    assert whole.text == text
    assert [each.text for each in drawn if each.text] == list(text)
    assert all("\ufffd" not in each.text for each in drawn)
    cat = next(i for i, each in enumerate(drawn) if each.text == "🙂")
    assert [each.text for each in drawn[cat - 3 : cat]] == ["", "", ""]


def test_half_a_character_at_the_end_is_said() -> None:
    model: Any = Script([*"a🙂".encode()])
    _, drawn, whole = written(model, [0], 3)
    assert whole.text == "".join(each.text for each in drawn) == model.tokenizer.decode(whole.ids) == "a\ufffd"


def test_progress_is_told_of_the_prompt_alone() -> None:
    told, drawn, _ = written(Script([*b"abcdef"]), [0], 5)  # type: ignore[arg-type]
    assert (len(told), len(drawn)) == (1, 5)


@pytest.mark.parametrize(
    ("n_read", "n", "sentence"),
    [
        (60, 10, "The prompt has 60 tokens and script reads 64 at most: 4 more fit, 10 were asked for"),
        (64, 1, "no more fit"),
        (1, 64, "has 1 token and"),
    ],
)
def test_what_does_not_fit(n_read: int, n: int, sentence: str) -> None:
    model: Any = Script([])
    with pytest.raises(TextTooLong, match=sentence):
        written(model, [0] * n_read, n)


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"temperature": 2.5}, "temperature was 2.5; it takes a number from 0 to 2"),
        ({"temperature": float("nan")}, "temperature was nan"),
        ({"top_k": -1}, "top_k was -1; it takes 0 or more"),
        ({"top_p": 1.5}, "top_p was 1.5; it takes a number from 0 to 1"),
        ({"min_p": -0.1}, "min_p was -0.1"),
    ],
)
def test_knobs_out_of_bounds(knobs: dict[str, float], sentence: str) -> None:
    with pytest.raises(BadKnob, match=sentence):
        Sampling(**knobs)


def test_logits_that_are_no_numbers() -> None:
    with pytest.raises(ModelError, match="not numbers"):
        GREEDY.draw(np.array([1, np.nan], np.float32), np.random.default_rng(0))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["generate", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_the_command_s_json(capsys: pytest.CaptureFixture[str], smollm2: Model) -> None:
    asked = ("smollm2", "--prompt", PROMPT, "--tokens", "4", "--temperature", "0")
    code, out, err = run(capsys, *asked, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["text"].startswith(" Paris")
    assert found["ids"] == list(written(smollm2, smollm2.encode(PROMPT).ids, 4)[2].ids)
    assert (found["stopped"], found["prompt_tokens"], found["knobs"]["temperature"]) == ("length", 5, 0)
    assert (found["provenance"][0]["name"], found["provenance"][0]["seed"]) == ("smollm2", 0)
    code, plain, err = run(capsys, *asked)
    assert plain == found["text"] + "\n"
    assert "4 tokens" in err
    assert "smollm2, float32 on cpu, seed 0" in err


def test_ctrl_c_keeps_what_is_written(
    capsys: pytest.CaptureFixture[str], smollm2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, left = Sampling.draw, iter(range(3))

    def interrupted(self: Sampling, logits: np.ndarray, random: np.random.Generator) -> int:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return draw(self, logits, random)

    monkeypatch.setattr(Sampling, "draw", interrupted)
    code, out, err = run(capsys, "smollm2", "--prompt", PROMPT, "--tokens", "20", "--temperature", "0", "--json")
    found = json.loads(out)
    assert (code, found["stopped"], len(found["ids"])) == (130, "interrupted", 3)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["smollm2"], "The prompt is empty: give one with --prompt, or begin with --bos."),
        (["smollm2", "--prompt", "a", "--temperature", "3"], "temperature was 3; it takes a number from 0 to 2."),
        (["smollm2", "--prompt", "a", "--tokens", "9000"], "8,191 more fit, 9,000 were asked for"),
        (["smollm2", "--prompt", "a", "--tokens", "0"], "tokens was 0; it takes 1 or more."),
        (["nope", "--prompt", "a"], "nope"),
        (["minilm", "--prompt", "a"], "has no logits: it does not say what comes next."),
    ],
)
def test_what_can_be_mended_is_one_sentence(
    capsys: pytest.CaptureFixture[str], smollm2_path: Path, arguments: list[str], sentence: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
