"""The table of what experiments take is the one that plans and recorded results give now."""

from __future__ import annotations

from unrolled.experiments._catalogue import claims
from unrolled.experiments._costs import DOCS, table, written


def test_the_table_in_the_docs_is_fresh() -> None:
    text = DOCS.read_text("utf-8")
    assert text == written(text), "docs/experiments.md: make format"


def test_every_claim_has_a_line() -> None:
    lines = table().splitlines()
    assert len(lines) == len(claims()) + 3
    assert all(
        f"{each.number} `{each.name}`" in line for each, line in zip(claims().values(), lines[2:-1], strict=True)
    )
