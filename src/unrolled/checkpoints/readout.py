"""How a decoder of another make reads its residual stream out: final norm, head, and what its config does to
logits.

Found by structure, and taken only if it gives the model's own logits from the output of its last block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Readout

if TYPE_CHECKING:
    from transformers import PreTrainedModel  # slow to import


def blocks_of(module: nn.Module) -> Sequence[nn.Module]:
    """The model's layers: its longest list of modules that lies in no other list (experts do)."""
    lists = {name: part for name, part in module.named_modules() if isinstance(part, nn.ModuleList)}
    outer = [list(part) for name, part in lists.items() if not any(name.startswith(f"{other}.") for other in lists)]
    return max(outer, key=len, default=[])


def hub_readout(module: PreTrainedModel, blocks: Sequence[nn.Module], ids: Tensor) -> Readout | None:
    """The norm and head that give a transformers model's logits to 1e-4; None if none does."""
    foreign: Any = module  # whose methods are not typed
    head = foreign.get_output_embeddings()
    if head is None:
        return None
    after = _after(module.config.get_text_config())
    return fitted_readout(module, blocks, lambda: foreign(input_ids=ids, use_cache=False).logits, [head], after)


def fitted_readout(
    module: nn.Module,
    blocks: Sequence[nn.Module],
    run: Callable[[], Tensor],
    heads: Sequence[nn.Module],
    after: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> Readout | None:
    """The norm and head that turn what the last block gives into what `run` gives, (1, n or the last, vocabulary)."""
    if not blocks:
        return None
    heard: list[Tensor] = []
    hook = blocks[-1].register_forward_hook(lambda _, __, out: heard.append(out if isinstance(out, Tensor) else out[0]))
    try:
        with torch.inference_mode():
            wanted = run()
            for head in heads if len(heard) == 1 else ():
                for norm in _norms(module, blocks):
                    readout = _readout(norm, head, after)
                    if _gives(readout, heard[0], wanted):
                        return readout
    except Exception:  # noqa: BLE001  (not a model of this structure)
        return None
    finally:
        hook.remove()
    return None


def _norms(module: nn.Module, blocks: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """Norms outside the blocks, the last first; then none at all."""
    inside = {id(part) for block in blocks for part in block.modules()}
    found = [part for part in module.modules() if "norm" in type(part).__name__.lower() and id(part) not in inside]
    yield from reversed(found)
    yield nn.Identity()


def _readout(norm: nn.Module, head: nn.Module, after: Callable[[Tensor], Tensor]) -> Readout:
    return lambda x: after(head(norm(x)))


def _after(config: Any) -> Callable[[Tensor], Tensor]:
    """What is done to logits: Gemma 2's softcap, Cohere's factor, Granite's divisor."""
    cap, factor = getattr(config, "final_logit_softcapping", None), getattr(config, "logit_scale", None)
    divisor = getattr(config, "logits_scaling", None)

    def after(logits: Tensor) -> Tensor:
        logits = logits * factor if isinstance(factor, (int, float)) else logits
        logits = logits / divisor if isinstance(divisor, (int, float)) else logits
        return (logits / cap).tanh() * cap if isinstance(cap, (int, float)) else logits

    return after


def _gives(readout: Readout, x: Tensor, wanted: Tensor) -> bool:
    try:
        ours = readout(x)
    except (RuntimeError, TypeError):
        return False
    close = 1e-4 if wanted.dtype in (torch.float32, torch.float64) else 5e-2
    ours = ours[:, -wanted.shape[1] :]
    return ours.shape == wanted.shape and torch.allclose(ours, wanted, rtol=close, atol=close)
