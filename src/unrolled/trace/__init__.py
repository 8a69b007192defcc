"""Recording what a model does with a text, and changing it while it runs."""

from unrolled.models.weighing import Attention, Kind
from unrolled.trace.alignment import Alignment, align, target_tokens
from unrolled.trace.logit_lens import Lens, lens
from unrolled.trace.patch import HeadOff, HeadScale, Patch, Replace, patched
from unrolled.trace.paths import Edges, Step, edges_of, shortest_path
from unrolled.trace.reading import logits_of, losses
from unrolled.trace.recording import record
from unrolled.trace.states import States, record_states
from unrolled.trace.switches import NormOff, PartOff, ResidualOff
from unrolled.trace.trace import Trace
from unrolled.trace.wrapping import Report, report, wrap

__all__ = [
    "Alignment",
    "Attention",
    "Edges",
    "HeadOff",
    "HeadScale",
    "Kind",
    "Lens",
    "NormOff",
    "PartOff",
    "Patch",
    "Replace",
    "Report",
    "ResidualOff",
    "States",
    "Step",
    "Trace",
    "align",
    "edges_of",
    "lens",
    "logits_of",
    "losses",
    "patched",
    "record",
    "record_states",
    "report",
    "shortest_path",
    "target_tokens",
    "wrap",
]
