"""The longest chain of matrix products in a computation, each waiting for the one before: counted while it runs.

With enough processors a computation takes as long as its longest chain, whatever its operations are in all (Brent
1974; "sequential operations" in Vaswani et al. 2017, Table 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from unrolled.trace.counting import Counting, Product


def longest_chain(work: Callable[[], object]) -> int:
    """Products of the longest chain. One call of attention, which is two of them, counts as one."""
    chains = _Chains()
    with Counting(chains.product, chains.made):
        work()
    return chains.longest


class _Chains:
    """How long the chain is that ends in each tensor."""

    def __init__(self) -> None:
        self.longest = 0
        self._multiplied = False
        self._length: dict[int, int] = {}
        self._alive: list[Tensor] = []  # so that no id is given twice

    def product(self, found: Product) -> None:
        """Told before what the call made."""
        self._multiplied = True

    def made(self, name: str, out: Any, of: list[Tensor]) -> None:
        """What is written into a tensor in place lengthens that tensor's chain."""
        length = max((self._length.get(id(each), 0) for each in of), default=0) + self._multiplied
        self._multiplied = False
        self.longest = max(self.longest, length)
        written = of[:1] if name == "__setitem__" else []
        for tensor in (*written, *(out if isinstance(out, (tuple, list)) else [out])):
            if isinstance(tensor, Tensor):
                self._length[id(tensor)] = length
                self._alive.append(tensor)
