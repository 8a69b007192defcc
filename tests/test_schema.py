"""What is derived from a panel's signature, and that each figure has its one name everywhere."""

import html
import re
from pathlib import Path

import pytest

from unrolled import schema
from unrolled.figures import catalogue

ROOT = Path(__file__).resolve().parents[1]
NAMES = list(catalogue())


def test_generated_typescript_is_fresh() -> None:
    written = schema.GENERATED.read_text("utf-8")
    assert written == schema.typescript(), "run `python -m unrolled.schema`"


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_has_its_one_name_everywhere(name: str) -> None:
    assert (ROOT / "web" / "src" / "views" / f"{name}.svelte").is_file()
    assert (ROOT / "tests" / "figures" / f"test_{name}.py").is_file()
    assert catalogue()[name].module.__name__ == f"unrolled.figures.{name}"
    assert all(panel.figure == name for panel in catalogue()[name].panels.values())


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_described(name: str) -> None:
    described = schema.figure_json(name)
    assert described["question"].endswith("?")
    assert described["doc"]
    for panel in described["panels"]:
        assert panel["doc"]
        assert panel["source"]
        assert f"def {panel['name']}(" in html.unescape(re.sub("<[^>]+>", "", panel["code"]))
        assert all(field["doc"] for field in panel["result"]), panel["name"]
        for knob, takes in panel["knobs"]["properties"].items():
            assert takes["description"], knob


def test_knobs_come_from_the_signature() -> None:
    panels = {panel["name"]: panel for panel in schema.figure_json("next_token")["panels"]}
    knobs = panels["distribution"]["knobs"]["properties"]
    assert list(knobs)[:4] == ["temperature", "top_k", "top_p", "min_p"]
    temperature = knobs["temperature"]
    assert (temperature["type"], temperature["minimum"], temperature["maximum"]) == ("number", 0, 2)
    assert temperature["default"] == 1.0
    assert temperature["x-step"] == 0.01
    assert knobs["vocabulary"]["x-hidden"] is True
    assert panels["distribution"]["inputs"] == ["models", "text"]
    assert panels["distribution"]["max_models"] == 5
    steps, _, variance = schema.figure_json("attention_calculator")["panels"]
    assert steps["knobs"]["properties"]["x"]["x-matrix"]["rows"] == [1, 8]
    assert variance["knobs"]["properties"]["n_samples"]["enum"] == [128, 512, 2048]


def test_fields_say_their_axes() -> None:
    fields = {field["name"]: field for field in schema.figure_json("next_token")["panels"][0]["result"]}
    assert fields["top_probabilities"] == fields["top_probabilities"] | {
        "dtype": "float64",
        "axes": ["choice"],
        "many": True,
    }
    assert fields["tokens"] == fields["tokens"] | {"dtype": "str", "axes": ["token"], "many": True}
    assert fields["entropy_bits"] == fields["entropy_bits"] | {"dtype": "float", "axes": [], "many": True}
    assert fields["entropy_bits"]["doc"].startswith("Entropy H")
