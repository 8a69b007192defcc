"""The library's door: what a module of one's own is said to have, and to open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import unrolled
from own_modules import Recurrent
from unrolled.errors import BadInput, ProbeNotFound, UnrolledError
from unrolled.figures import catalogue


def test_a_report_names_the_figures_that_a_module_opens() -> None:
    encoder = nn.Sequential(nn.Embedding(50, 16), nn.TransformerEncoderLayer(16, 4, batch_first=True))
    found = unrolled.report(encoder)
    assert found.probes == {"attn"}
    assert found.opens["heads"] == ("overview", "map", "find")
    assert found.closed["heads (ablate)"] == ("it needs logits, and Sequential has no such probe (it has attn).")
    listed = "architecture (model, sizes), attention_calculator (head), heads (overview, map, find)"
    assert f"Figures that it opens: {listed}" in str(found)
    assert "Not lens (lens): it needs resid" in str(found)


def test_what_a_report_says_is_so() -> None:
    """Every panel that takes a model is in one list or the other, and asking agrees."""
    torch.manual_seed(0)
    model = unrolled.open(Recurrent())
    found = unrolled.report(model)
    taking = {panel.title for each in catalogue().values() for panel in each.panels.values() if panel.takes_model}
    opened = {f"{name} ({panel})" for name, panels in found.opens.items() for panel in panels}
    assert opened | set(found.closed) == taking
    assert not opened & set(found.closed)
    assert unrolled.ask("next_token", models=model, text="1 2").result.top_strings[0]
    assert "next_token (distribution)" in opened
    with pytest.raises(ProbeNotFound, match="it needs attn"):
        unrolled.ask("heads", models=model, text="1 2")
    assert "it needs attn" in found.closed["heads (overview)"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": 5}, "models had a value of type int"),
        ({"models": None}, "models had a value of type NoneType"),
        (
            {"models": [nn.Linear(2, 2)]},
            "models had a value of type Linear; it takes names, paths and what unrolled.open gives",
        ),
        ({"text": 5}, "The text was of type int"),
        ({"text": b"a"}, "The text was of type bytes"),
        ({"target": 5}, "target had a value of type int; it takes words"),
        ({"runs": 5}, "runs had a value of type int; it takes names, folders"),
    ],
)
def test_a_wrong_type_gets_a_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        unrolled.ask("next_token", **{"models": "gpt", "text": "a", **given})


def test_a_name_is_opened_wherever_a_model_is_taken() -> None:
    assert "logits" in unrolled.report("gpt").probes
    assert unrolled.record("gpt", "Once upon a time").n_layer() == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: unrolled.ask(["heads"], models="gpt", text="a"), "There is no figure"),  # type: ignore[arg-type]
        (lambda: unrolled.record("gpt", 5), "text had a value of type int"),  # type: ignore[arg-type]
        (
            lambda: unrolled.open(nn.Sequential(nn.Embedding(9, 4)), tokenizer="/nope"),
            "“/nope” cannot be read",
        ),
        (lambda: unrolled.patched("gpt", []).__enter__(), "it takes a model that unrolled.open gave"),  # type: ignore[arg-type]
        (lambda: unrolled.patched(unrolled.open("gpt"), [3]).__enter__(), "3 is no patch; there are HeadOff"),  # type: ignore[list-item]
    ],
)
def test_other_calls_say_it_too(wrong: Callable[[], object], said: str) -> None:
    with pytest.raises(UnrolledError, match=said):
        wrong()
