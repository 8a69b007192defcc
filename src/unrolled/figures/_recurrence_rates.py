"""How much of a machine's arithmetic each family kept busy, as it was recorded: `_recurrence_rates.toml`.

Written by `python scripts/record_rates.py`, which says how it is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from unrolled.figures._recorded import recorded
from unrolled.provenance import Provenance


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One family at one piece of work."""

    family: str
    work: str
    gflops: float
    """10⁹ multiplications and additions a second, of its matrix products."""
    share: float
    """Of what one large product reaches on the same machine."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """All that was measured in one run of the script."""

    date: str
    machine: str
    threads: int
    torch: str
    unrolled: str
    note: str
    matmul_gflops: float
    """What one product of two 1,024 × 1,024 matrices reaches."""
    rates: tuple[Rate, ...]

    @property
    def where(self) -> str:
        """The machine and the day, in a line."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        note = f"; {self.note}" if self.note else ""
        alone = f"{self.matmul_gflops:.0f} · 10⁹ a second in one large product"
        return f"{self.machine}, {threads}, {alone}, {self.date}{note}"

    @property
    def provenance(self) -> Provenance:
        """As figures name it."""
        version = f"unrolled {self.unrolled}, torch {self.torch}"
        name = f"share of the matmul rate, {self.date}"
        return Provenance(name=name, kind="recorded", version=version, dtype="float32")


@cache
def recording() -> Recording:
    """The recording that comes with the package."""
    said, _ = recorded("_recurrence_rates.toml")
    rates = tuple(Rate(**each, share=each["gflops"] / said["matmul_gflops"]) for each in said["rate"])
    return Recording(**{name: said[name] for name in said if name != "rate"}, rates=rates)
