"""unrolled: an interactive field guide and laboratory for sequence models.

import unrolled

answer = unrolled.ask("next_token", models="smollm2", text="The capital of France is", temperature=0.7)
unrolled.show("next_token", models="smollm2", text="The capital of France is")  # live, in a notebook
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["ask", "show"]

if TYPE_CHECKING:
    from unrolled.library import ask
    from unrolled.widget import show


def __getattr__(name: str) -> Any:
    """Both calls, imported when they are first used: `import unrolled` costs nothing."""
    if name == "ask":
        from unrolled.library import ask

        return ask
    if name == "show":
        from unrolled.widget import show

        return show
    raise AttributeError(f"module “unrolled” has no attribute “{name}”")
