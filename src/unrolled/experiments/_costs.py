"""What each claim takes, in core-minutes: the table in docs/experiments.md, which `make format` writes anew.

python -m unrolled.experiments._costs
"""

from __future__ import annotations

from pathlib import Path

from unrolled.experiments._catalogue import claims
from unrolled.experiments._claim import Claim, Scale
from unrolled.experiments._results import recorded

DOCS = Path(__file__).parents[3] / "docs" / "experiments.md"
BEGIN, END = "<!-- costs, written by `make format` -->\n", "<!-- end of costs -->\n"


def table() -> str:
    """A line for each claim: cells and about what they take, quick and full; what the recorded run took."""
    rows = [_row(f"{each.number} `{each.name}`", _plans([each]), _measured([each])) for each in claims().values()]
    whole = _row("all", _plans(list(claims().values())), _measured(list(claims().values())))
    head = _row("claim", ("quick", "full"), "the recorded run took")
    return "\n".join([head, "|---|---|---|---|", *rows, whole]) + "\n"


def written(text: str) -> str:
    """The document with this table in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def _row(name: str, plans: tuple[str, ...], measured: str) -> str:
    return f"| {' | '.join((name, *plans, measured))} |"


def _plans(of: list[Claim]) -> tuple[str, ...]:
    scales: tuple[Scale, ...] = ("quick", "full")
    plans = [[cell for each in of for cell in each.plan(scale, each.seeds[scale])] for scale in scales]
    return tuple(f"{len(cells)} cells, {sum(cell.seconds for cell in cells) / 60:.1f}" for cells in plans)


def _measured(of: list[Claim]) -> str:
    found = [result for each in of if (result := recorded(each.name))]
    return f"{sum(each.core_minutes for each in found):.2f}" if found else "not run yet"


def main() -> None:
    """Writes the table."""
    DOCS.write_text(written(DOCS.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
