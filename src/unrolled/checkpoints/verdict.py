"""Whether a transformers model's attentions can be heard: its own eager weights say so, on one short text.

The verdict is remembered beside the cached checkpoints, by the hash of the weights, so that later openings are quick.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedModel

from unrolled import __version__
from unrolled.checkpoints.cache import cache_folder, write_whole
from unrolled.checkpoints.ears import EagerEar, HubEar, eager_weights, inputs
from unrolled.checkpoints.listening import listening
from unrolled.errors import ProbeNotFound
from unrolled.models.weighing import Ear, Heard, Kind, scores_of, weight_rows

N_TRIED = 24  # tokens of the short text
_LARGE = 30.0  # scores beyond it are rounded, in float32, so that weights differ by more
_FUSED = 30.0  # times as far may weights be that follow from torch's fused kernel, which rounds otherwise than eager
_MAP_BYTES = 1 << 28  # kept of a model that gives whole maps only
_CHANGING = ("dynamic", "longrope")  # positions that depend on how long the text is: not read in parts


@dataclass(frozen=True)
class Verdict:
    """How a model is heard."""

    way: str
    """"registry", "eager" (whole maps), or "none"."""
    chunked: bool = False
    why: str = ""
    """Why not, or not by the registry."""


def fitted_ear(
    module: PreTrainedModel, kinds: tuple[Kind, ...], ids: Tensor, target: Tensor | None, key: str | None
) -> tuple[Ear | None, str]:
    """The best ear that the model's own eager weights agree with; without one, the reason."""
    ear = HubEar(module, kinds, chunked=False)
    ear.plain = True  # the formula is compared, not the kernel
    verdict = _remembered(key)
    with torch.inference_mode():
        try:
            _find_kinds(ear, module, ids, target)
        except ProbeNotFound as error:
            verdict = verdict or _by_maps(module, kinds, ids, target, str(error))
        if verdict is None:
            verdict = _judged(module, ear, ids, target)
            _remember(key, verdict)
    ear.chunked, ear.plain = verdict.chunked, False
    if verdict.way == "registry":
        return ear, ""
    if verdict.way == "eager":
        return _map_ear(module, kinds, ids, target), ""
    return None, verdict.why


def _find_kinds(ear: HubEar, module: PreTrainedModel, ids: Tensor, target: Tensor | None) -> None:
    """Runs once; in an encoder-decoder each attention is known by how many queries and keys it gets."""
    calls: list[tuple[nn.Module, int, int]] = []
    heads: list[int] = []

    def noted(part: nn.Module, n_query: int, n_key: int) -> Kind:
        calls.append((part, n_query, n_key))
        return "self"

    with listening(module, noted, hear=lambda heard: heads.append(heard.attention.n_head)):
        try:
            module(**inputs(module, ids, target), use_cache=False)
        except ProbeNotFound:
            raise
        except Exception as error:  # whatever a model does with an attention function that it does not know
            raise ProbeNotFound(f"{type(module).__name__} does not go through the registry of attentions.") from error
    if not calls:
        raise ProbeNotFound(f"{type(module).__name__} does not go through the registry of attention functions.")
    for (part, n_query, n_key), n_head in zip(calls, heads, strict=True):
        kind = ear.kinds[0] if target is None else _kind(n_query, n_key, ids.shape[1])
        ear.kind_by_module[id(part)] = kind
        ear.sizes[kind] = (ear.sizes.get(kind, (0, 0))[0] + 1, n_head)


def _kind(n_query: int, n_key: int, n_source: int) -> Kind:
    """Of an encoder-decoder, whose target is shorter than its source."""
    return "encoder" if n_query == n_source else "cross" if n_key == n_source else "self"


def _judged(module: PreTrainedModel, ear: HubEar, ids: Tensor, target: Tensor | None) -> Verdict:
    try:
        theirs = eager_weights(module, ear.kinds, ids, target)
    except ProbeNotFound as error:
        return Verdict("none", why=f"{error} So what is derived here could not be checked, and is not shown.")
    except Exception as error:  # noqa: BLE001  (transformers raises whatever its parts raise)
        return Verdict(
            "none", why=f"{type(module).__name__} does not run with its eager attention: {_first_line(error)}."
        )
    whole = _difference(module, ear, ids, target, theirs, parts=1)
    if isinstance(whole, str):
        return Verdict("none", why=whole)
    may_chunk = target is None and ear.kinds == ("self",) and not _positions_change(module)
    chunked = False
    if may_chunk:
        ear.chunked = True
        chunked = not isinstance(_difference(module, ear, ids, target, theirs, parts=2), str)
    ear.chunked, ear.plain = chunked, False
    for parts in (1, 2) if chunked else (1,):
        fused = _difference(module, ear, ids, target, theirs, parts, slack=_FUSED)
        if fused is not None:
            return Verdict("none", why=fused)
    return Verdict("registry", chunked=chunked)


def _difference(
    module: PreTrainedModel,
    ear: HubEar,
    ids: Tensor,
    target: Tensor | None,
    theirs: Mapping[Kind, Sequence[Tensor]],
    parts: int,
    slack: float = 1.0,
) -> str | None:
    """A sentence if the derived weights are not the model's own."""
    heard: dict[tuple[Kind, int], list[Heard]] = {}
    cache = ear.new_cache(ids.shape[1])
    step = -(-ids.shape[1] * 2 // (3 * parts - 1 or 1)) if parts > 1 else ids.shape[1]
    try:
        for at in range(0, ids.shape[1], step):
            ear.forward(
                ids[:, at : at + step], target, cache, lambda h: heard.setdefault((h.kind, h.layer), []).append(h)
            )
    except ProbeNotFound as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (a cache that does not go with this model)
        return f"{type(module).__name__} does not run while it is listened to: {_first_line(error)}."
    name = type(module).__name__
    if {kind: len(layers) for kind, layers in theirs.items()} != _counted(heard):
        return f"{name} was heard in {_counted(heard)} layers, and gives eager weights of others: it is not understood."
    close = 1e-5 if module.dtype in (torch.float32, torch.float64) else 2e-2
    for (kind, layer), calls in heard.items():
        for call in calls:
            apart, largest = _apart(call, calls[-1].key, theirs[kind][layer])
            if not apart <= slack * close * max(1.0, largest / _LARGE):
                return (
                    f"{name}: the weights that are derived from queries and keys differ from the model's own by"
                    f" {apart:.1e} (layer {layer}, {kind}), so none are shown."
                )
    return None


def _apart(heard: Heard, key: Tensor | None, theirs: Tensor) -> tuple[float, float]:
    """The largest difference of the weights, and the size of the largest score."""
    assert heard.query is not None
    assert key is not None
    n = heard.query.shape[1]
    rows = torch.arange(heard.start, heard.start + n, device=heard.query.device)
    wanted = theirs[:, heard.start : heard.start + n]
    ours = weight_rows(heard.attention, heard.query, key, rows)
    if ours.shape != wanted.shape:
        return float("inf"), 0.0
    largest = scores_of(heard.attention, heard.query, key, rows)[wanted > 0].abs()
    largest = largest[largest.isfinite()].max()
    return float((ours - wanted).abs().max()), float(largest)


def _counted(heard: Mapping[tuple[Kind, int], Any]) -> dict[Kind, int]:
    counted: dict[Kind, int] = {}
    for kind, _ in heard:
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def _by_maps(module: PreTrainedModel, kinds: tuple[Kind, ...], ids: Tensor, target: Tensor | None, why: str) -> Verdict:
    try:
        eager_weights(module, kinds, ids, target)
    except Exception:  # noqa: BLE001  (transformers raises whatever its parts raise)
        return Verdict("none", why=f"{why} Nor does it give its weights back.")
    return Verdict("eager", why=why)


def _map_ear(module: PreTrainedModel, kinds: tuple[Kind, ...], ids: Tensor, target: Tensor | None) -> EagerEar:
    with torch.inference_mode():
        found = eager_weights(module, kinds, ids, target)
    sizes = {kind: (len(maps), maps[0].shape[0]) for kind, maps in found.items()}
    n_bytes = sum(each.shape[0] * each.element_size() for maps in found.values() for each in maps)
    return EagerEar(module, kinds, int((_MAP_BYTES / n_bytes) ** 0.5), sizes)


def _positions_change(module: PreTrainedModel) -> bool:
    said: Any = getattr(module.config.get_text_config(), "rope_parameters", None)
    return any(f"'{kind}'" in str(said) for kind in _CHANGING)


def verdict_key(sha256: str, dtype: torch.dtype) -> str:
    """What a verdict depends on."""
    return f"{sha256}|{str(dtype)[6:]}|unrolled {__version__}|transformers {transformers.__version__}"


def _path() -> Path:
    return cache_folder() / "attention.json"


def _memo() -> dict[str, Any]:
    try:
        memo = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return memo if isinstance(memo, dict) else {}


def _remembered(key: str | None) -> Verdict | None:
    try:
        return Verdict(**_memo()[key]) if key is not None else None
    except (KeyError, TypeError):
        return None


def _remember(key: str | None, verdict: Verdict) -> None:
    """What cannot be written (full disk, read-only home) costs time only."""
    if key is None:
        return
    try:
        write_whole(_path(), json.dumps(_memo() | {key: asdict(verdict)}, indent=0).encode())
    except OSError:
        return


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
