"""A figure as one file: everything inside, nothing else allowed, true about what is recorded.

That it opens and works is tested in tests/browser/test_export_in_chromium.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from unrolled import html, wire
from unrolled.figures import answer, figure
from unrolled.packing import Kept, Pack, unpack
from unrolled.progress import finish
from unrolled.state import Loaded, state_of


def recorded(panel: str = "steps", **knobs: Any) -> str:
    chosen = figure("attention_calculator").panel(panel)
    return finish(html.recording(chosen, state_of(chosen, knobs), Loaded())).decode()


@pytest.fixture(scope="module")
def page() -> str:
    return recorded(causal=True)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="unrolled-recorded">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def answers_of(data: dict[str, Any]) -> list[Kept]:
    shared = {name: base64.b64decode(part) for name, part in data["shared"].items()}
    return unpack(Pack(base64.b64decode(data["pack"]), shared))


def test_the_policy_allows_what_is_inside_and_nothing_else(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    inside = re.findall(r'<style>(.*?)</style>|<script type="module">(.*?)</script>', page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256("".join(one).encode()).digest()).decode() for one in inside}
    assert set(re.findall(r"sha256-([^']*)'", policy[1])) == hashes
    assert len(hashes) == 2


def test_nothing_outside_is_named(page: str) -> None:
    head = page.partition("<script")[0]
    assert not re.search(r'(src|href)="|@import|url\((?!data:)', head)


def test_the_answers_are_the_wire_s_own_blobs(page: str) -> None:
    data = data_of(page)
    steps = figure("attention_calculator").panel("steps")
    first = answers_of(data)[0]
    assert first.panel == "steps"
    assert first.blob == wire.encode(finish(answer(steps, {"causal": True})))
    assert data["state"]["knobs"]["causal"] is True


def test_what_is_recorded_around_the_state(page: str) -> None:
    asked = [(each.panel, each.question["knobs"]) for each in answers_of(data_of(page)) if each.blob]
    steps = [knobs for panel, knobs in asked if panel == "steps"]
    assert {knobs["d_k"] for knobs in steps} == set(range(1, 9))
    assert {knobs["causal"] for knobs in steps} == {True, False}
    assert {knobs["n_samples"] for panel, knobs in asked if panel == "variance"} == {128, 512, 2048}
    assert len({json.dumps(one, sort_keys=True) for one in asked}) == len(asked)


def test_the_same_state_gives_the_same_bytes(page: str) -> None:
    assert recorded(causal=True) == page


def test_a_text_cannot_break_out() -> None:
    page = html.page("a <b>", '<?xml version="1.0"?>\n<svg/>', {"text": "</script><script>alert(1)</script>"})
    assert "<script>alert" not in page
    assert data_of(page)["text"] == "</script><script>alert(1)</script>"
    assert "<title>a &lt;b&gt; · unrolled</title>" in page
