"""What the last chapter says of single results, against the results that come along."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from unrolled import guide
from unrolled.experiments import perplexity, vanishing_gradient
from unrolled.experiments._catalogue import claims
from unrolled.experiments._results import Result, recorded
from unrolled.experiments._statistics import interval
from unrolled.experiments._told import VERDICTS, in_words
from unrolled.figures import figure

CHAPTER = guide.chapter("what_we_measured")
PLACES = {place.id: place for place in CHAPTER.places}


def came_along(name: str) -> Result:
    found = recorded(name)
    assert found is not None
    return found


def found(name: str, measure: str) -> float:
    return float(next(each["found"]["mean"] for each in came_along(name).tested if each["measure"] == measure))


def kept(name: str) -> dict[str, bool]:
    return {each["measure"]: each["kept"] for each in came_along(name).tested}


def test_a_radius_of_two_stretches_a_gradient_by_less() -> None:
    slope = found("vanishing_gradient", "grows")
    assert round(math.exp(slope), 2) == 1.16
    assert 2_000 < math.exp(slope * vanishing_gradient.STEPS) < 10_000
    assert came_along("vanishing_gradient").verdict == "holds with limits"
    assert not kept("vanishing_gradient")["radius alone"]
    assert len(CHAPTER.places) > 2
    assert PLACES["gradients"].state["knobs"] == {"claim": "vanishing_gradient"}


def test_the_control_that_is_shown_has_keys_that_follow_queries() -> None:
    assert PLACES["control"].state["knobs"] == {"claim": "root_d_k"}
    assert kept("root_d_k")["keys that follow queries"]


def test_a_causal_mask_gives_the_order_away_and_nothing_else_does() -> None:
    assert came_along("positions").verdict == "holds with limits"
    assert found("positions", "equivariant") < 1e-15
    assert [name for name, held in kept("positions").items() if not held] == ["a causal mask alone"]


def test_eight_to_fifteen_is_a_number_of_something_else() -> None:
    assert [name for name, held in kept("perplexity").items() if not held] == ["8 to 15"]
    low = min(row["found"]["perplexity"] for row in came_along("perplexity").cells if row["family"] in perplexity.OURS)
    assert low > 3 * 15


def test_there_are_seventeen_claims() -> None:
    assert [each.number for each in claims().values()] == list(range(1, 18))
    assert "So were sixteen others." in guide.chapter("scale").html


def test_students_factors() -> None:
    def factor(n: int) -> float:
        """Half width in standard errors."""
        values = [float(i) for i in range(n)]
        mean = sum(values) / n
        error = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
        return (interval(values).high - mean) / error

    assert factor(5) == pytest.approx(2.776)
    assert factor(2) == pytest.approx(12.706)


def test_the_words_for_verdicts_are_those_of_the_rule() -> None:
    text = " ".join(re.sub(r"<[^>]+>", "", CHAPTER.html).lower().split())
    assert all(word in text for word in VERDICTS[1:4])
    assert figure("claims").panels.keys() == {"verdicts", "claim"}
    assert in_words("at most 1e-06") == "at most 10⁻⁶"


def test_how_a_network_begins_says_how_far_it_remembers() -> None:
    longest: dict[tuple[str, str], list[int]] = {}
    for row in came_along("memory_length").cells:
        if "longest" in row["found"] and "control" not in row["setting"]:
            longest.setdefault((row["family"], row["setting"]["start"]), []).append(row["found"]["longest"])
    assert {kind: sorted(lags) for kind, lags in longest.items()} == {
        ("attention", "ordinary"): [400] * 5,
        ("rnn", "ordinary"): [10, 20, 20, 20, 20],
        ("lstm", "ordinary"): [10, 20, 20, 20, 20],
        ("gru", "ordinary"): [40, 40, 100, 100, 400],
        ("rnn", "memory"): [100] * 5,
        ("lstm", "memory"): [200, 200, 400, 400, 400],
        ("gru", "memory"): [400] * 5,
    }


def test_a_factor_near_one_recalls_and_a_sum_that_fades_does_not() -> None:
    assert came_along("cell_state").verdict == "does not hold here"
    assert min(found("cell_state", name) for name in ("full", "forget gate 1", "all gates 1", "product about 1")) > 0.95
    assert max(found("cell_state", name) for name in ("product", "forget gate 0.9")) < 0.15


def test_early_layers_hold_syntax_no_more_than_late_ones() -> None:
    said = came_along("layers")
    assert said.verdict == "does not hold here"
    (smollm2, minilm), controls = _parts(said, "required"), _parts(said, "control")
    assert round(smollm2["found"]["mean"], 2) == 0.01
    assert smollm2["found"]["low"] < 0 < smollm2["found"]["high"]
    assert minilm["found"]["high"] < 0
    assert all(each["kept"] for each in controls)


def test_a_small_model_takes_the_nearest_noun() -> None:
    across, largest, _ = _parts(came_along("grammar_and_facts"), "limiting")
    assert across["found"]["mean"] * across["found"]["n"] == pytest.approx(2, abs=1e-3)
    assert across["found"]["high"] < 0.5
    assert largest["found"]["mean"] > 0.9


def test_who_is_who_misses_its_bound_by_a_hair() -> None:
    said = came_along("grammar_and_facts")
    assert said.verdict == "does not hold here"
    (missed,) = [each for each in _parts(said, "required") if not each["kept"]]
    assert missed["bound"].startswith("share of pairs on who is who")
    assert round(100 * missed["found"]["mean"]) == 63
    assert round(100 * missed["found"]["low"], 1) == 59.6
    names = {
        row["seed"]: row["found"]["saves"][-1]["shares"]["names"]
        for row in said.cells
        if row["setting"].get("tokens") == 1_000_000
    }
    assert [names[seed] for seed in range(3)] == [25 / 40] * 3
    assert round(100 * _parts(said, "required")[0]["found"]["mean"]) == 76


def test_gelu_is_a_little_better_and_swiglu_worse() -> None:
    said = came_along("feed_forward")
    _, gelu, swiglu = (each["found"] for each in _parts(said, "limiting"))
    assert gelu["n"] == swiglu["n"] == 5
    assert round(gelu["mean"], 2) == 0.03
    assert 0 < gelu["low"] < 0.01
    assert round(swiglu["mean"], 1) == -0.2
    assert swiglu["high"] < 0
    lost = {
        (row["seed"], row["setting"]["inside"]): row["found"]["bits_per_byte"]
        for row in said.cells
        if row["setting"]["ratio"] == 4 and "labels" not in row["setting"]
    }
    assert all(lost[seed, "swiglu"] > lost[seed, "relu"] for seed in range(5))
    assert sum(lost[seed, "swiglu"] - lost[seed, "linear"] for seed in range(5)) / 5 == pytest.approx(0, abs=0.05)


def test_the_lead_of_the_gpt_comes_with_context_and_with_text() -> None:
    said = came_along("families")
    assert said.verdict == "holds with limits"
    lead = _parts(said, "required")[0]["found"]
    assert round(lead["mean"], 2) == 0.03
    by = {row["family"]: row["found"]["by_context"] for row in said.cells if "trained" in row["setting"]}
    assert by["lstm"][0] < by["gpt"][0]
    assert by["lstm"][-1] - by["gpt"][-1] > 0.04
    few = _parts(said, "limiting")[0]["found"]
    assert few["high"] < -lead["high"]
    assert {row["version"] for row in said.cells} == {2}


def test_post_norm_does_not_train_in_twelve_blocks() -> None:
    said = {each["bound"]: each["found"] for each in came_along("residuals_norms").tested}
    lost = next(found for bound, found in said.items() if bound.startswith("what post-norm loses without warm-up, 6"))
    assert round(lost["mean"], 1) == 0.1
    assert 0 < lost["low"] < 0.05
    trained = next(found for bound, found in said.items() if bound.startswith("share of seeds in which post-norm"))
    assert trained["mean"] == 0
    pre = next(found for bound, found in said.items() if bound.startswith("share of seeds in which pre-norm trains w"))
    assert pre["mean"] == 1


def test_recall_leaps_by_either_marking_and_where_is_luck() -> None:
    said = came_along("emergence")
    assert said.verdict == "holds"
    exact = _parts(said, "required")[0]
    assert exact["found"]["mean"] == pytest.approx(2 / 3, abs=0.02)
    assert all(each["kept"] for each in _parts(said, "limiting"))
    last = {
        (row["setting"]["size"], row["seed"]): row["found"]["measured"][-1]
        for row in said.cells
        if "control" not in row["setting"]
    }
    recalled = sorted(last["21k", seed]["recall"]["exact_match"] for seed in range(3))
    assert recalled[0] < 0.01
    assert recalled[1] == pytest.approx(0.5, abs=0.05)
    largest = [round(200 * last["3.2M", seed]["addition"]["exact_match"]) for seed in range(3)]
    assert min(largest) == 17
    assert sorted(largest)[1] > 190
    assert round(200 * last["1.1M", largest.index(17)]["addition"]["exact_match"]) == 194


def test_the_bottleneck_is_gone_in_copies_and_the_slope_is_not_sure() -> None:
    said = came_along("bottleneck")
    assert said.verdict == "does not hold here"
    far, slope, _, copied, without = _parts(said, "required")
    assert far["kept"]
    assert round(100 * copied["found"]["mean"]) == 95
    assert without["found"]["mean"] == 0
    assert slope["found"]["low"] < 0 < slope["found"]["mean"]
    assert slope["found"]["n"] == 5
    assert [each for each in _parts(said, "required") if not each["kept"]] == [slope]


def test_what_earlier_chapters_say_of_results_is_what_came_out() -> None:
    heads = came_along("heads_specialise")
    sparing, naming = _parts(heads, "required")[3], _parts(heads, "required")[2]
    assert round(naming["found"]["mean"], 1) == 8.3
    assert "8.3 nats" in guide.chapter("many_heads").html
    assert sparing["found"]["high"] < 0.1
    syntax, meaning = (each["found"] for each in _parts(heads, "limiting")[2:4])
    assert syntax["low"] < 0 < syntax["high"]
    assert meaning["low"] < 0 < meaning["high"]
    grammar = next(each for each in _parts(came_along("grammar_and_facts"), "required") if each["found"]["n"] == 72)
    assert "72 pairs of grammar" in " ".join(guide.chapter("how_well").html.split())
    assert grammar["bound"].startswith("share of grammatical pairs right, SmolLM2")
    assert came_along("layers").verdict == "does not hold here"
    said = {each["bound"]: each for each in came_along("residuals_norms").tested}
    assert [each["kept"] for bound, each in said.items() if "pre-norm loses without warm-up" in bound] == [True]
    assert [each["kept"] for bound, each in said.items() if "post-norm loses without warm-up" in bound] == [False]
    said = {each["measure"]: each for each in came_along("bottleneck").tested}
    assert said["copy short"]["bound"].startswith("sources of 4 symbols copied whole without attention")
    assert said["bottleneck"]["bound"].startswith("sources of 16 symbols copied whole without attention")
    assert said["copy short"]["found"]["low"] > 0.95
    for name in ("gates", "looking_back", "many_heads", "layer_by_layer", "complete_picture", "block", "how_well"):
        assert "/guide/what_we_measured" in guide.chapter(name).html


def _parts(said: Result, part: str) -> list[dict[str, Any]]:
    return [each for each in said.tested if each["part"] == part]
