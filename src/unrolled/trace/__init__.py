"""Recording what a model does with a text, and changing it while it runs."""

from unrolled.models.weighing import Attention, Kind
from unrolled.trace.record import record
from unrolled.trace.trace import Trace

__all__ = ["Attention", "Kind", "Trace", "record"]
