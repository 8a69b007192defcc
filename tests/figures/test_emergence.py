"""What was published: every row has its document; numbers agree with the list that was checked by hand; nothing leaks.

Independent of the TOML files: the list of numbers in this file, written down before them from the papers' text; shapes
that multiply out to the parameters that they are printed beside; GPT-2's size counted from a model built on no weights.
"""

from __future__ import annotations

import math
import re
import tomllib
from importlib import resources
from typing import Any

import numpy as np
import pytest

from unrolled.figures import _emergence_published as rows
from unrolled.figures import answer, figure
from unrolled.figures.emergence import TASKS, UPWARDS, WEI, per_step
from unrolled.progress import finish

ALLOWED = {"what", "value", "withheld", "text", "how", "note", "source", "where"}


def ask(panel: str, **knobs: Any) -> Any:
    return finish(answer(figure("emergence").panel(panel), knobs)).result


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("unrolled.figures") / name).read_text("utf-8"))


def numbers() -> dict[tuple[str, str], dict[str, Any]]:
    """Every number of the file by model and kind."""
    return {(model["name"], row["what"]): row for model in read(rows.MODELS)["model"] for row in model["numbers"]}


def faults(row: dict[str, Any], sources: dict[str, Any], measures: dict[str, Any]) -> list[str]:
    """What is wrong with a row of numbers."""
    found = [f"unknown {name}" for name in row.keys() - ALLOWED]
    found += [] if row.get("source") in sources else ["no source"]
    found += [] if row.get("where") else ["no table or section"]
    found += [] if row.get("what") in measures else ["unknown kind"]
    return found + ([] if ("value" in row) != ("withheld" in row) else ["neither a value nor withheld, or both"])


def test_every_row_has_a_document_and_a_place_in_it() -> None:
    sources, said, drawn = read(rows.SOURCES), read(rows.MODELS), read(rows.CURVES)
    for name, source in sources.items():
        assert source.keys() == {"cite", "title", "link", "seen"}, name
        assert source["link"].startswith("https://"), name
        assert all(source.values()), name
    for model in said["model"]:
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", model["date"]), model["name"]
        assert ("new" in model) == (model.get("new_source") in sources) == bool(model.get("new_where")), model["name"]
        for row in model.get("words", []):
            assert row.keys() == {"what", "text", "source", "where"}, (model["name"], row)
            assert row["source"] in sources, (model["name"], row)
        for row in model["numbers"]:
            assert faults(row, sources, said["measure"]) == [], (model["name"], row)
    for task in drawn["task"]:
        for line in task["lines"]:
            assert line["source"] in sources, (task["name"], line["name"])
            assert line["where"], (task["name"], line["name"])
            assert len(line["sizes"]) == len(line["values"]), (task["name"], line["name"])
            assert line["sizes"] == sorted(line["sizes"]), (task["name"], line["name"])
    used = {row["source"] for model in said["model"] for row in [*model["numbers"], *model.get("words", [])]}
    used |= {model["new_source"] for model in said["model"] if "new" in model} | {WEI}
    used |= {line["source"] for task in drawn["task"] for line in task["lines"]}
    assert used == sources.keys()


def test_a_row_without_a_document_would_be_noticed() -> None:
    sources, measures = read(rows.SOURCES), read(rows.MODELS)["measure"]
    good = {"what": "MMLU", "value": 43.9, "source": "hendrycks2021", "where": "Table 1"}
    assert faults(good, sources, measures) == []
    assert faults({**good, "source": "somebody"}, sources, measures) == ["no source"]
    assert faults({**good, "where": ""}, sources, measures) == ["no table or section"]
    assert faults({"what": "MMLU", "source": "hendrycks2021", "where": "Table 1"}, sources, measures)
    assert faults({**good, "memory": "yes"}, sources, measures) == ["unknown memory"]


def test_gpt_4_has_no_size_anywhere() -> None:
    told = {what: row for (model, what), row in numbers().items() if model == "GPT-4"}
    for what in ("parameters", "layers", "width", "heads", "training tokens"):
        assert told[what]["withheld"], what
        assert "value" not in told[what], what
    found = ask("published")
    at = found.names.index("GPT-4")
    texts = [
        (w, t) for m, w, t in zip(found.number_model, found.number_what, found.number_text, strict=True) if m == at
    ]
    assert ("parameters", "not disclosed") in texts
    everything = " ".join([found.new[at], *(row.get("note", "") for row in told.values())])
    assert not re.search(r"\d\s*(trillion|billion|million)", everything), everything
    curves = " ".join(line["name"] for task in read(rows.CURVES)["task"] for line in task["lines"])
    assert "GPT-4" not in curves + " ".join(row["model"] for row in rows.firsts())


# The numbers that were checked before this figure was written, from the text or a table of each paper.
GPT_2 = {
    "117M": (12, 768, 12, 117e6, 35.13, 45.99, 29.41, 65.85, 37.50),
    "345M": (24, 1024, 16, 345e6, 15.60, 55.48, 22.76, 47.33, 26.37),
    "762M": (36, 1280, 20, 762e6, 10.87, 60.12, 19.93, 40.31, 22.05),
    "1542M": (48, 1600, 25, 1542e6, 8.63, 63.24, 18.34, 35.76, 17.48),
}  # fmt: skip
GPT_2_KINDS = (
    "layers", "width", "heads", "parameters", "LAMBADA perplexity", "LAMBADA", "WikiText-2 perplexity",
    "Penn Treebank perplexity", "WikiText-103 perplexity",
)  # fmt: skip
CHECKED = {
    "Transformer base": {"layers": 6, "width": 512, "heads": 8, "parameters": 65e6, "English to German": 27.3,
                         "English to French": 38.1},
    "Transformer big": {"width": 1024, "heads": 16, "parameters": 213e6, "English to German": 28.4,
                        "English to French": 41.8},
    "GPT-1": {"parameters": 117e6, "layers": 12, "width": 768, "heads": 12, "context": 512},
    "GPT-3 175B": {"parameters": 175e9, "layers": 96, "width": 12288, "heads": 96, "context": 2048,
                   "training tokens": 300e9, "2-digit addition": 100, "2-digit subtraction": 98.9,
                   "3-digit subtraction": 94.2, "2-digit multiplication": 29.2, "one-digit composite": 21.3,
                   "MMLU": 43.9, "LAMBADA": 76.2, "LAMBADA with examples": 86.4},
    "GPT-3 2.7B": {"MMLU": 25.9}, "GPT-3 6.7B": {"MMLU": 24.9}, "GPT-3 13B": {"MMLU": 26.0},
    "GPT-4": {"MMLU": 86.4, "HumanEval": 67.0, "HellaSwag": 95.3, "GSM8K": 92.0},
    "GPT-3.5": {"MMLU": 70.0, "HumanEval": 48.1, "HellaSwag": 85.5, "GSM8K": 57.1},
    **{f"GPT-2 {size}": dict(zip(GPT_2_KINDS, row, strict=True)) for size, row in GPT_2.items()},
}  # fmt: skip
FIRST = {
    "addition and subtraction, 3 digits": (13e9, 2.3e22), "addition and subtraction, 4 to 5 digits": (175e9, 3.1e23),
    "57 subjects (MMLU)": (175e9, 3.1e23), "the same word, the same sense? (WiC)": (540e9, 2.5e24),
    "word problems, step by step": (68e9, 1.3e23), "8-digit addition on a scratchpad": (40e6, 8.9e19),
}  # fmt: skip


@pytest.mark.parametrize("model", CHECKED)
def test_numbers_are_those_that_were_checked(model: str) -> None:
    told = numbers()
    for what, value in CHECKED[model].items():
        assert told[model, what]["value"] == value, (model, what)


def test_where_a_paper_contradicts_itself_both_numbers_stand() -> None:
    told = numbers()
    assert told["GPT-3 175B", "3-digit addition"]["value"] == 80.4
    assert "80.2" in told["GPT-3 175B", "3-digit addition"]["note"]
    assert "41.0" in told["Transformer big", "English to French"]["note"]
    assert (
        25 <= told["GPT-3 175B", "4-digit addition"]["value"] <= told["GPT-3 175B", "4-digit subtraction"]["value"] < 27
    )
    assert (
        9 <= told["GPT-3 175B", "5-digit addition"]["value"] <= told["GPT-3 175B", "5-digit subtraction"]["value"] < 10
    )
    assert "training set" in told["GPT-4", "GSM8K"]["note"]


def test_curves_are_those_that_were_checked() -> None:
    sums = ask("curves")
    assert sums.score[sums.point_line == 0].tolist() == [2.0, 4.1, 3.5, 4.5, 8.9, 11.9, 55.5, 100.0]
    subjects = ask("curves", task="57 subjects (MMLU)")
    assert subjects.score[subjects.point_line == 0].tolist() == [25.9, 24.9, 26.0, 43.9]
    assert subjects.chance == 25
    for name, value in FIRST.items():
        (row,) = [each for each in rows.firsts() if each["ability"] == name]
        assert (row["parameters"], row["flops"]) == value


def test_curves_and_entries_tell_the_same_numbers() -> None:
    told = numbers()
    for task, what, models in (
        ("57 subjects (MMLU)", "MMLU", {"GPT-3": ("2.7B", "6.7B", "13B", "175B"), "PaLM": ("8B", "62B", "540B"),
                                       "LLaMA": ("7B", "13B", "33B", "65B")}),
        ("last words (LAMBADA)", "LAMBADA", {"GPT-2": tuple(GPT_2), "GPT-3": ("Small", "Medium", "Large", "XL", "2.7B",
                                                                              "6.7B", "13B", "175B")}),
    ):  # fmt: skip
        found = ask("curves", task=task)
        for family, sizes in models.items():
            scores = found.score[found.point_line == found.names.index(family)].tolist()
            assert scores == [told[f"{family} {size}", what]["value"] for size in sizes], family


def test_two_tables_of_one_paper_agree() -> None:
    """Table H.1, from which the curves are, ends where Table 3.9 says."""
    told = numbers()
    for task in ("sums", "differences and products"):
        found = ask("curves", task=task)
        for line, name in enumerate(found.names):
            assert found.score[found.point_line == line][-1] == told["GPT-3 175B", name]["value"], name


def test_the_13b_column_is_what_the_papers_text_says_of_it() -> None:
    """§3.9.1: half of two-digit additions and subtractions, less than 10 % of all other operations."""
    for task in ("sums", "differences and products"):
        found = ask("curves", task=task)
        for line, name in enumerate(found.names):
            score = found.score[found.point_line == line][-2]
            half = name in ("2-digit addition", "2-digit subtraction")
            assert (score == pytest.approx(50, abs=6)) if half else score < 10, name


@pytest.mark.parametrize("size", ["GPT-3 Small", "GPT-3 6.7B", "GPT-3 175B", "LLaMA 7B", "LLaMA 65B", "GPT-2 1542M"])
def test_printed_shapes_multiply_out_to_the_printed_size(size: str) -> None:
    """12 L d² of the blocks (GPT: FFN four times as wide; LLaMA: three matrices of 8/3 d), and one table of tokens."""
    told = {what: row["value"] for (model, what), row in numbers().items() if model == size and "value" in row}
    tables = {"GPT": (50_257, 1), "LLa": (32_000, 2)}[size[:3]]
    counted = 12 * told["layers"] * told["width"] ** 2 + math.prod(tables) * told["width"]
    assert counted == pytest.approx(told["parameters"], rel=0.025)


@pytest.mark.parametrize(("size", "digits"), [("PaLM 8B", 2), ("PaLM 62B", 1), ("PaLM 540B", 2)])
def test_palms_shapes_give_its_size_to_the_last_printed_digit(size: str, digits: int) -> None:
    """Heads of 256 with one key and value for all, an FFN of three matrices to 4 d, one table of 256,000 tokens."""
    told = {what: row["value"] for (model, what), row in numbers().items() if model == size and "value" in row}
    d, inner = told["width"], 256 * told["heads"]
    block = 2 * d * inner + 2 * d * 256 + 3 * d * 4 * d
    counted = told["layers"] * block + 256_000 * d
    assert round(counted / 1e9, digits) == told["parameters"] / 1e9


def test_a_wrong_shape_would_be_noticed() -> None:
    assert pytest.approx(175e9, rel=0.005) != 12 * 95 * 12288**2 + 50_257 * 12288
    assert pytest.approx(175e9, rel=0.005) == 12 * 96 * 12288**2 + 50_257 * 12288


def test_a_step_is_the_root_of_the_score_and_printed_so() -> None:
    assert per_step(6.25, 4) == pytest.approx(50)
    assert per_step(0, 3) == 0
    assert per_step(37.5, 1) == 37.5
    found = ask("curves", steps=4)
    np.testing.assert_allclose((found.per_step / 100) ** 4 * 100, found.score, atol=1e-9)
    for text, score in zip(found.arithmetic, found.score, strict=True):
        assert holds(text), text
        assert float(text.partition(" = ")[2]) == pytest.approx(score / 100, abs=5e-5)
    assert not holds("0.500^4 = 0.0626")
    assert set(ask("curves").arithmetic) == {""}


def holds(text: str) -> bool:
    """Whether a printed power is the printed number."""
    root, power, whole = re.fullmatch(r"([\d.]+)\^(\d+) = ([\d.]+)", text).groups()  # type: ignore[union-attr]
    return round(float(root) ** int(power), 4) == float(whole)


def test_choices_have_no_steps() -> None:
    found = ask("curves", task="57 subjects (MMLU)", steps=4)
    assert found.steps == 1
    assert np.isnan(found.per_step).all()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_names_its_documents(task: str) -> None:
    done = finish(answer(figure("emergence").panel("curves"), {"task": task}))
    assert {entry.kind for entry in done.provenance} == {"published"}
    assert all(entry.hash and not entry.device for entry in done.provenance)
    assert set(done.result.sources) == {entry.name for entry in done.provenance}
    if done.result.unit == "%":
        assert ((done.result.score >= 0) & (done.result.score <= 100)).all()


def test_published_is_in_the_order_of_time_and_says_what_was_not_disclosed() -> None:
    found = ask("published")
    assert (np.diff(found.year) >= 0).all()
    assert found.year[found.names.index("GPT-3 175B")] == pytest.approx(2020 + 4.5 / 12)
    assert set(UPWARDS) <= set(found.number_what)
    in_words = {"data", "programs", "text-davinci-002"}
    withheld = np.isnan(found.number_value) & ~np.isin(found.number_what, list(in_words))
    assert {found.number_text[i] for i in np.flatnonzero(withheld)} == {"not disclosed"}
    assert all(bool(new) == bool(source) == bool(link)
               for new, source, link in zip(found.new, found.new_source, found.new_link, strict=True))  # fmt: skip
    by_text = dict(zip(zip(found.number_model, found.number_what, strict=True), found.number_text, strict=True))
    assert by_text[found.names.index("GPT-3 175B"), "training tokens"] == "300 billion tokens"
    assert by_text[found.names.index("SmolLM2 135M"), "parameters"] == "134,515,008"
    assert by_text[found.names.index("GPT-2 117M"), "context"] == "1,024 tokens"


def test_thresholds_are_sorted_by_size() -> None:
    found = ask("thresholds")
    assert (np.diff(found.parameters) >= 0).all()
    assert len(found.abilities) == len(set(found.abilities)) == len(rows.firsts())
