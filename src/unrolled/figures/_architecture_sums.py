"""The arithmetic of `architecture`: parameters, operations and memory, each as a sum that can be checked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unrolled.figures._architecture_rows import Row
from unrolled.models.presets import Preset
from unrolled.trace.anatomy import PAIRS, Part
from unrolled.trace.kept import Kept


def operations_at(part: Part, context: int) -> int:
    """Of one token in a text of `context` tokens; what is done once a text counts nothing."""
    work = part.operations
    return 0 if work.power == 0 else work.each * context ** (work.power - 1)


def parameters_said(part: Part) -> str:
    """ "768 × 768 + 768 = 590,592"."""
    if not part.tensors:
        return "none of its own" if part.weight else "none"
    terms = " + ".join(_product(shape) for _, shape in part.tensors)
    single = len(part.tensors) == 1 and len(part.tensors[0][1]) < 2
    return terms if single else f"{terms} = {part.parameters:,}"


def operations_said(part: Part, context: int) -> str:
    """ "2 × 576 × 1,536 = 1,769,472"; "2,304 for each of 1,024 tokens: 2,304 × 1,024 = 2,359,296"."""
    work, total = part.operations, operations_at(part, context)
    if not work.each:
        return "no matrix product"
    if work.power == 0:
        return f"{work.each:,}, once a text"
    matrices = [shape for _, shape in part.tensors if len(shape) > 1]
    if work.power == 1:
        two = f"2 × {work.each // 2:,} = {work.each:,}"
        if len(matrices) == 1 and 2 * math.prod(matrices[0]) == work.each:
            two = f"2 × {_product(matrices[0])} = {work.each:,}"
        return two
    each = f"{work.each:,}"
    if part.kind == "Additive":  # a score of width d, a mix of states of width 2d
        each = f"2 × {work.each // 6:,} + 2 × {work.each // 3:,} = {work.each:,}"
    elif part.weight == PAIRS and work.each % 4 == 0:
        each = f"4 × {work.each // 4:,} = {work.each:,}"
    looked = f" × {context:,}" if work.power == 2 else f" × {context:,}^{work.power - 1}"
    return f"{each} for each token that is looked at; {work.each:,}{looked} = {total:,}"


def total_said(rows: Sequence[Row], values: Sequence[int]) -> str:
    """ "28,311,552 + 30 × 3,540,096 + 576 = 134,515,008": stacks as a block's sum times how many."""
    terms: list[str] = []
    at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and rows[at].stack and _same(rows[at], rows[end]):
            end += 1
        sum_ = sum(values[at:end])
        if sum_:
            terms.append(f"{rows[at].repeats} × {sum_:,}" if rows[at].repeats > 1 else f"{sum_:,}")
        at = end
    total = sum(row.repeats * value for row, value in zip(rows, values, strict=True))
    if not terms or terms == [f"{total:,}"]:
        return f"{total:,}"
    return f"{' + '.join(terms)} = {total:,}"


def kept_bytes(kept: Kept, size: int, context: int) -> int:
    """Of a text of `context` tokens, and as long a source."""
    return size * ((kept.each + kept.source) * context + kept.once)


def kept_said(kept: Kept, size: int, context: int) -> str:
    """What is kept, and the product behind it."""
    total = f"{kept_bytes(kept, size, context):,} bytes"
    if kept.each:
        each = f"{kept.arithmetic} = {kept.each:,} numbers a token"
        two = " of source and target" if kept.source else ""
        twice = f"2 × {context:,}" if kept.source else f"{context:,}"
        return f"{kept.what}: {each}{two}; {kept.each:,} × {twice} tokens × {size} bytes = {total}"
    if kept.source:
        return (
            f"{kept.what}: {kept.once:,} numbers, and {kept.source:,} for each token of the source;"
            f" ({kept.once:,} + {kept.source:,} × {context:,}) × {size} bytes = {total}"
        )
    if kept.once:
        said = f"{kept.arithmetic} = {kept.once:,} numbers"
        return f"{kept.what}, however long the text: {said}; {kept.once:,} × {size} bytes = {total}"
    return kept.what


def weights_said(parameters: int, held: int) -> str:
    """ "134,515,008 × 4 bytes = 538,060,032 bytes", where every number takes as many."""
    if parameters and held % parameters == 0:
        return f"{parameters:,} × {held // parameters} bytes = {held:,} bytes"
    return f"{held:,} bytes, tensor by tensor"


def _product(shape: Sequence[int]) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _same(one: Row, other: Row) -> bool:
    return (one.stack, one.block, one.repeats) == (other.stack, other.block, other.repeats)


def printed(preset: Preset, counted: int) -> str:
    """What the paper prints, beside the count."""
    apart = counted / _number(preset.said) - 1
    how = "as counted" if abs(apart) < 0.005 else f"counted here: {apart:+.1%}".replace("-", "−")
    return f"{preset.source}: {preset.said} parameters, {how}."


def _number(said: str) -> float:
    digits, unit = said.rstrip("MB ").strip(), said.strip()[-1]
    return float(digits) * {"M": 1e6, "B": 1e9}[unit]
