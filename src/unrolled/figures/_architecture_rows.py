"""From a model's parts to the rows of a picture: equal blocks folded into one, names, kinds and roles in words, and the
figures that look into a part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from unrolled.trace.anatomy import PAIRS, Part

ROLES = ("embedding", "position", "norm", "query", "key", "value", "attention", "mlp", "recurrent", "head", "other")

_NAMED: tuple[tuple[str, str], ...] = (
    ("query", r"(^|\.)(query|q|q_proj|q_lin)$"),
    ("key", r"(^|\.)(key|k|k_proj|k_lin)$"),
    ("value", r"(^|\.)(value|v|v_proj|v_lin)$"),
    ("attention", r"attn|attention|cross"),
    ("mlp", r"mlp|ffn|feed|fc\d?$|intermediate|dense|(linear|lin)\d"),
)


_ATTENTIONS = {"Additive": "v · tanh(q + k), then mix", "Dot": "q · k, then mix"}
"""Of recurrent decoders (models/seq2seq.py)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the picture."""

    part: Part
    name: str
    """Within its block."""
    stack: str
    """The list of equal blocks that it is in; "" outside of one."""
    block: int
    """Which of them is shown; -1 outside of one."""
    repeats: int
    """How many blocks are alike."""
    role: str
    joins: int
    """The row whose result is added to this one's; -1: none."""


@dataclass(frozen=True)
class _Place:
    stack: str
    number: int
    rest: str


def rows_of(parts: Sequence[Part], block: int, vocabulary: int) -> tuple[Row, ...]:
    """One row a part; of neighbouring blocks that are alike only one, number `block` where it is among them."""
    runs = _runs(parts)
    shown: list[tuple[int, _Place | None, int]] = []  # part, place, repeats
    for number, part in enumerate(parts):
        place = next((each for each in _places(part.path) if (each.stack, each.number) in runs), None)
        first, last = runs[place.stack, place.number] if place else (0, 0)
        if place is None or place.number == min(max(block, first), last):
            shown.append((number, place, last - first + 1))
    rows = {part: row for row, (part, _, _) in enumerate(shown)}
    return tuple(
        Row(
            part=parts[k],
            name=_name(parts[k], place.rest if place else parts[k].path),
            stack=place.stack if place else "",
            block=place.number if place else -1,
            repeats=repeats,
            role=_role(parts[k], place is not None, vocabulary),
            joins=_joined(parts[k].joins, rows),
        )
        for k, place, repeats in shown
    )


def _places(path: str) -> list[_Place]:
    """The numbered modules that a path leads through, the outermost first."""
    steps = path.split(".")
    return [
        _Place(".".join(steps[:k]), int(step), ".".join(steps[k + 1 :]))
        for k, step in enumerate(steps)
        if step.isdecimal()
    ]


def _runs(parts: Sequence[Part]) -> dict[tuple[str, int], tuple[int, int]]:
    """(list, number) of each block that has neighbours like itself -> the first and last number of these."""
    blocks: dict[tuple[str, int], list[object]] = {}
    for part in parts:
        for place in _places(part.path):
            line = (place.rest, _inner(part.weight, place), part.kind, part.tensors, part.operations, part.runs)
            blocks.setdefault((place.stack, place.number), []).append(line)
    first: dict[tuple[str, int], int] = {}
    for stack, number in sorted(blocks):
        alike = blocks.get((stack, number - 1)) == blocks[stack, number]
        first[stack, number] = first[stack, number - 1] if alike else number
    last = {(stack, start): number for (stack, number), start in sorted(first.items())}
    return {key: (start, last[key[0], start]) for key, start in first.items() if last[key[0], start] > start}


def _inner(weight: str, place: _Place) -> str:
    """A weight's name without the number of its block."""
    return weight.removeprefix(f"{place.stack}.{place.number}.")


def _joined(part: int, rows: dict[int, int]) -> int:
    """The row of a part; of one that is folded away the last row before it."""
    before = [row for number, row in rows.items() if number <= part]
    return -1 if part < 0 else max(before, default=-1)


def _name(part: Part, rest: str) -> str:
    if part.weight == PAIRS:
        return rest or "attention"
    if part.weight:
        return rest or "head"
    return rest or part.path.rpartition(".")[2] or part.kind


def _role(part: Part, folded: bool, vocabulary: int) -> str:
    if part.weight == PAIRS:
        return "attention"
    if "Norm" in part.kind or re.search(r"(^|\.|_)(norm|ln)", part.path):
        return "norm"
    if part.kind.endswith("Embedding"):
        return "position" if re.search(r"pos|place|wpe|relative", part.path) else "embedding"
    if any(name.startswith("weight_hh") for name, _ in part.tensors):
        return "recurrent"
    if part.shape and part.shape[-1] == vocabulary:
        return "head"
    named = next((role for role, pattern in _NAMED if re.search(pattern, part.path, re.IGNORECASE)), None)
    return named or ("mlp" if folded else "other")


def kind_of(row: Row) -> str:
    """What a part is, in words: "linear, 576 to 1,536"."""
    part = row.part
    if part.weight == PAIRS:
        return _ATTENTIONS.get(part.kind, "Q × Kᵀ, weights × V")
    matrices = [shape for _, shape in part.tensors if len(shape) > 1]
    if part.weight:
        again = part.weight if not part.tensors else part.kind
        return f"{again}, to {_size(part.shape[-1])}" if part.shape else again
    if row.role == "recurrent":
        (_, before), (_, width) = matrices[:2]
        both = ", both ways" if any(name.endswith("_reverse") for name, _ in part.tensors) else ""
        return f"{part.kind.removesuffix('Layer')}, {before:,} to {width:,}{both}"
    if row.role in ("embedding", "position") and matrices:
        return f"table, {matrices[0][0]:,} × {matrices[0][1]:,}"
    if part.kind.endswith("Linear") and len(matrices) == 1:
        said = f"linear, {matrices[0][1]:,} to {matrices[0][0]:,}"
    else:
        sizes = " and ".join(dict.fromkeys(" × ".join(f"{size:,}" for size in shape) for _, shape in part.tensors))
        said = f"{part.kind}, {sizes}" if sizes else part.kind
    return said if part.runs else f"{said}: did not run"


def shape_of(part: Part) -> str:
    """ "n × 576"."""
    return " × ".join(map(_size, part.shape))


def _size(size: int | str) -> str:
    return f"{size:,}" if isinstance(size, int) else size


def opens(row: Row, probes: frozenset[str], n_layer: int, n_token: int) -> str:
    """Figures that look into a part, each as NAME#KEY=VALUE&…, separated by spaces."""
    two, at = "target" in probes, f"&layer={max(row.block, 0)}"
    last = min(n_token, 16) - 1
    found: list[str] = []
    if row.role in ("query", "key", "value", "attention") and "attn" in probes:
        if two:
            looks = "cross" in row.part.path or row.block < 0
            found = [f"alignment#panel=alignment{at}"] if looks else []
        elif row.block >= 0:
            found = [f"heads#panel=map{at}", f"attention_calculator#panel=head{at}"]
    elif row.role == "recurrent" and "h" in probes:
        places = _places(row.part.path)
        at = f"&layer={places[0].number if places else 0}"
        found = [f"recurrence#panel=states{at}"]
        found += [f"gates#panel=gates{at}"] if "gate.candidate" in probes else []
    elif row.role == "mlp" and "mlp.act" in probes and not two:
        found = [f"block#panel=feed_forward{at}"]
    elif row.role == "norm" and "norm.mlp" in probes and not two and row.block >= 0:
        found = ["block#panel=without&off=norms&layer=" + str(row.block)]
    if row.role in ("embedding", "position") and "attn" in probes and not two:
        found.append("positions#panel=loaded")
    if row.role in ("embedding", "norm", "mlp") and "resid" in probes:
        after = row.block + 1 if row.block >= 0 else 0 if row.role == "embedding" else n_layer
        found.append(f"lens#view.cell={after}.{last}")
    if row.role in ("head", "embedding") and "logits" in probes and not two:
        found.append("next_token#panel=distribution")
    return " ".join(found)
