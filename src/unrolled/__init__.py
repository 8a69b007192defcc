"""unrolled: an interactive field guide and laboratory for sequence models.

import unrolled

answer = unrolled.ask("next_token", models="smollm2", text="The capital of France is", temperature=0.7)
unrolled.show("next_token", models="smollm2", text="The capital of France is")  # live, in a notebook
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["HeadOff", "HeadScale", "Replace", "ask", "open", "patched", "record", "report", "show"]

if TYPE_CHECKING:
    from unrolled.library import ask, open, record, report  # noqa: A004
    from unrolled.trace import HeadOff, HeadScale, Replace, patched
    from unrolled.widget import show

_HOMES = {"ask": "library", "open": "library", "record": "library", "report": "library", "show": "widget"}


def __getattr__(name: str) -> Any:
    """Imported when it is first used: `import unrolled` costs nothing."""
    if name in __all__:
        return getattr(importlib.import_module(f"unrolled.{_HOMES.get(name, 'trace')}"), name)
    raise AttributeError(f"module “unrolled” has no attribute “{name}”")
