"""The page's factor^k, which is drawn without asking, equals Python's. `web/src/presentation.ts` runs as it stands."""

from __future__ import annotations

import json
import math
import subprocess
from typing import Any

import numpy as np
import pytest

from build_page import any_node
from serving import ROOT
from unrolled.figures import gradient_flow

RUN = """
const ts = require("typescript"), fs = require("fs");
const options = {compilerOptions: {module: "commonjs", target: "es2022"}};
const compiled = ts.transpileModule(fs.readFileSync("src/presentation.ts", "utf8"), options).outputText;
const exported = {};
new Function("exports", CHANGE(compiled))(exported);
const plain = x => Number.isFinite(x) ? x : null;
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, "utf8")).map(([factor, steps]) => {
  const found = exported.powersOf(factor, steps);
  const single = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, plain(value)]));
  return {...single, shares: Array.from(found.shares)};
})));
"""
CASES = [(round(0.5 + 0.01 * i, 2), steps) for i in range(101) for steps in (1, 100)]


def in_typescript(change: str = "x => x") -> list[dict[str, Any]]:
    with any_node() as node:
        done = subprocess.run(
            [str(node.folder / "node"), "-e", RUN.replace("CHANGE", f"({change})")],
            cwd=ROOT / "web", input=json.dumps(CASES), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def compare(change: str = "x => x") -> None:
    for (factor, steps), theirs in zip(CASES, in_typescript(change), strict=True):
        ours = gradient_flow.factor(factor=factor, steps=steps)
        np.testing.assert_allclose(theirs["shares"], ours.share, rtol=1e-12)
        names = {"vanishedAfter": "vanished_after", "explodedAfter": "exploded_after", "halfLife": "half_life"}
        for name, field in (names | {"doubling": "doubling"}).items():
            expected = getattr(ours, field)
            assert theirs[name] == (pytest.approx(expected, rel=1e-12) if math.isfinite(expected) else None), field


def test_every_factor_of_the_knob() -> None:
    compare()


@pytest.mark.parametrize(
    "change",
    [
        'x => x.replace("factor ** k", "factor ** (k + 1)")',  # a wrong time index
        'x => x.replace("Math.ceil", "Math.floor")',  # the step before
        'x => x.replace("Math.LN2 / Math.abs", "1 / Math.abs")',  # a half-life to another base
    ],
)
def test_a_broken_copy_is_noticed(change: str) -> None:
    with pytest.raises(AssertionError):
        compare(change)
