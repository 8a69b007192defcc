"""The README's Python runs as it stands there, block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import unrolled
from serving import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_runs(block: str, smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own document
    if "weights" in names:
        np.testing.assert_allclose(names["weights"].sum(axis=1), 1, atol=1e-5)
        assert names["found"].weight.shape == (30, 9)
        assert names["changed"].top_strings[0]
        assert "attn" in capsys.readouterr().out


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 2


def test_every_public_name_is_there() -> None:
    for name in unrolled.__all__:
        assert callable(getattr(unrolled, name)), name
    with pytest.raises(AttributeError, match="has no attribute “nope”"):
        _ = unrolled.nope  # type: ignore[attr-defined]
