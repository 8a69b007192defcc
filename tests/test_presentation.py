"""The one piece of mathematics that the page does itself, temperature and its kin over given logits, equals Python's.

`web/src/presentation.ts` is run as it stands, by the Node that builds the page.
"""

from __future__ import annotations

import json
import math
import subprocess
from typing import Any

import numpy as np
import pytest

from build_page import any_node
from serving import ROOT
from unrolled.sampling import distribution_of

WEB = ROOT / "web"
RUN = """
const ts = require("typescript"), fs = require("fs");
const options = {compilerOptions: {module: "commonjs", target: "es2022"}};
const compiled = ts.transpileModule(fs.readFileSync("src/presentation.ts", "utf8"), options).outputText;
const exported = {};
new Function("exports", CHANGE(compiled))(exported);
const cases = JSON.parse(fs.readFileSync(0, "utf8"));
const number = x => x === null ? -Infinity : x;
console.log(JSON.stringify(cases.map(({logits, knobs}) => {
  const found = exported.distributionOf(Float32Array.from(logits, number), knobs);
  return {...found, probabilities: Array.from(found.probabilities)};
})));
"""

Case = tuple[np.ndarray, dict[str, float]]


def in_typescript(cases: list[Case], change: str = "x => x") -> list[dict[str, Any]]:
    """What presentation.ts makes of falling logits; `change` may break its source first."""
    told = [
        {
            "logits": [None if math.isinf(x) else float(x) for x in np.sort(logits)[::-1]],
            "knobs": {"temperature": k["temperature"], "topK": k["top_k"], "topP": k["top_p"], "minP": k["min_p"]},
        }
        for logits, k in cases
    ]
    with any_node() as node:
        done = subprocess.run(
            [str(node.folder / "node"), "-e", RUN.replace("CHANGE", f"({change})")],
            cwd=WEB, input=json.dumps(told), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def compare(cases: list[Case], change: str = "x => x") -> None:
    for (logits, knobs), theirs in zip(cases, in_typescript(cases, change), strict=True):
        ours = distribution_of(logits, **knobs)
        np.testing.assert_allclose(theirs["probabilities"], ours.probabilities, atol=1e-6, err_msg=str(knobs))
        assert theirs["entropyBits"] == pytest.approx(ours.entropy_bits, abs=1e-6)
        assert theirs["kept"] == ours.kept


def random_cases() -> list[Case]:
    random = np.random.default_rng(7)
    cases: list[Case] = []
    for size in [1, 2, 50, 5_000] * 15:
        logits = (random.standard_normal(size) * random.choice([0.1, 3, 30])).astype(np.float32)
        temperature = float(random.choice([0, 0.01, 0.3, 1, 2]))
        top_p, min_p = (float(random.choice([off, random.uniform()])) for off in (1, 0))
        knobs = {
            "temperature": temperature,
            "top_k": int(random.choice([0, 1, 5, 1000])),
            "top_p": top_p,
            "min_p": min_p,
        }
        cases.append((logits, knobs))
    return cases


OFF = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
EXTREME: list[Case] = [
    (np.array([1e4, -1e4, 0], dtype=np.float32), OFF),
    (np.array([3e38, 3e38, -3e38], dtype=np.float32), OFF),
    (np.array([5, -np.inf, -np.inf], dtype=np.float32), OFF),
    (np.full(1000, -7.25, dtype=np.float32), OFF | {"top_p": 0.3333}),
    (np.full(1000, 7.25, dtype=np.float32), OFF | {"min_p": 1.0}),
    (np.array([2, 2, 2, 1], dtype=np.float32), OFF | {"temperature": 0.0}),
    (np.array([1, 0.5, 0], dtype=np.float32), OFF | {"temperature": 1e-300}),
    (np.array([88.0, 87.9, -200.0], dtype=np.float32), OFF | {"top_p": 0.0, "min_p": 0.5}),
]


def test_random_logits() -> None:
    compare(random_cases())


def test_extreme_logits() -> None:
    compare(EXTREME)


@pytest.mark.parametrize(
    "change",
    [
        'x => x.replace("- largest) / divisor", "- largest)")',  # a forgotten temperature
        'x => x.replace("mass >= p", "mass > p + 0.2")',  # top-p that takes too many
        'x => x.replace("const least = p *", "const least = 0 *")',  # a dead min-p
        'x => x.replace("Math.min(topK, vocabulary)", "vocabulary")',  # a dead top-k
    ],
)
def test_a_broken_copy_is_noticed(change: str) -> None:
    with pytest.raises(AssertionError):
        compare(random_cases(), change)
