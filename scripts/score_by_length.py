"""How well the translation models do on sentences of each length: what the panel `by_length` of `alignment` shows.

    PYTHONPATH=src python scripts/score_by_length.py                 the shipped three
    PYTHONPATH=src python scripts/score_by_length.py en-fr           some of them; the others' records are dropped

Writes src/unrolled/figures/_alignment_scores.toml. Sentences are the held-out test pairs, grouped by the words of the
English one; a group is scored as one corpus. Intervals are sacrebleu's, over resampled sentences.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import sacrebleu
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from unrolled import checkpoints
from unrolled.errors import UnrolledError
from unrolled.progress import finish
from unrolled.provenance import COMPUTED_BY
from unrolled.text import pairs
from unrolled.translating import translating

OUT = Path("src") / "unrolled" / "figures" / "_alignment_scores.toml"
NAMES = ("en-fr", "en-fr-bottleneck", "en-fr-transformer")
SHORTEST = (2, 5, 8, 11, 15)
"""Words from which on a sentence belongs to a group."""
BEAM, RESAMPLED = 4, 1000

Rows = list[tuple[str, str, str]]
"""Source, reference, translation."""


def groups(rows: Rows) -> list[Rows]:
    """By the number of words in the source."""
    ends = [*SHORTEST[1:], 10_000]
    return [
        [row for row in rows if low <= len(row[0].split()) < high] for low, high in zip(SHORTEST, ends, strict=True)
    ]


def scored(rows: Rows, measure: str) -> tuple[float, float, float]:
    """Score of the rows as one corpus, and the ends of its 95 % interval."""
    metric = BLEU() if measure == "BLEU" else CHRF()
    _, references, written = (list(column) for column in zip(*rows, strict=True))
    found = metric.corpus_score(written, [references], n_bootstrap=RESAMPLED)
    return found.score, found._mean - found._ci, found._mean + found._ci


def lines_of(name: str, rows: Rows) -> list[str]:
    """One model's part of the file."""
    lines = []
    for measure in ("chrF", "BLEU"):
        each = [scored(group, measure) for group in groups(rows)]
        columns = zip(("score", "low", "high"), zip(*each, strict=True), strict=True)
        lines += ["", f"[models.{name}.{measure}]", f"all = {scored(rows, measure)[0]:.3f}"]
        lines += [f"{column} = [{', '.join(f'{value:.3f}' for value in values)}]" for column, values in columns]
    return lines


def record(names: Sequence[str]) -> str:
    """The whole file."""
    data = pairs("en-fr")
    sources, references = zip(*data.test, strict=True)
    head: list[str] = []
    parts: list[str] = []
    for name in names:
        model = checkpoints.open_model(name)
        written = [each.text for each in finish(translating(model, sources, beam=BEAM))]
        rows = list(zip(sources, references, written, strict=True))
        parts += ["", f"[models.{name}]", f'sha256 = "{model.provenance.hash}"', *lines_of(name, rows)]
        head = heading([len(group) for group in groups(rows)], [max(len(s.split()) for s in sources)], len(rows))
        print(f"{name} is scored.", flush=True)
    return "\n".join([*head, *parts]) + "\n"


def heading(counts: list[int], longest: list[int], n: int) -> list[str]:
    """What holds for all models."""
    ends = [start - 1 for start in SHORTEST[1:]] + longest
    about = (
        f"{n:,} test pairs of software help that no model was trained on, beam of {BEAM}; each group scored as one"
        f" corpus by sacrebleu {sacrebleu.__version__}, intervals over {RESAMPLED:,} resamplings of its sentences"
    )
    return [
        "# Written by scripts/score_by_length.py.",
        f'date = "{dt.datetime.now(dt.UTC).date()}"',
        f'version = "{COMPUTED_BY}, sacrebleu {sacrebleu.__version__}"',
        f"about = {json.dumps(about)}",
        f"shortest = {list(SHORTEST)}",
        f"longest = {ends}",
        f"pairs = {counts}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, help=f"some of {', '.join(NAMES)}")
    OUT.write_text(record(parser.parse_args().names), encoding="utf-8")
    print(f"{OUT} is written.")


if __name__ == "__main__":
    try:
        main()
    except UnrolledError as error:
        sys.exit(f"score_by_length: {error}")
