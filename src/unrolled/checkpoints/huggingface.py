"""A Hugging Face folder of any architecture for text, run by transformers: safetensors only, no code from the folder.

transformers fills in at random what a checkpoint lacks, and says so in a warning; here that is an error.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, DynamicCache, PretrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.utils import logging as hub_logging

from unrolled.checkpoints.foreign import MODEL_NAMES, class_for, foreign_model, kinds_of, without_pooler
from unrolled.checkpoints.headers import context_of, read_json
from unrolled.checkpoints.huggingface_tokenizer import folder_tokenizer
from unrolled.checkpoints.known import Entry
from unrolled.checkpoints.machine import check_fits
from unrolled.checkpoints.make import weight_files, weights_hash
from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import Cache
from unrolled.checkpoints.safetensors_header import read_header
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.progress import Progress

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_LONGEST = 1 << 17  # tokens, where a config sets no limit


def opening_folder(found: Entry, device: torch.device, dtype: torch.dtype) -> Generator[Progress, None, Model]:
    """Opens the folder at `found.path`, or around the .safetensors file there."""
    assert found.path is not None
    folder = found.path if found.path.is_dir() else found.path.parent
    said = read_json(folder / "config.json")
    config = _config(folder, said)
    _check_size(folder, config)
    check_fits(found.name, found.parameters, dtype, device)
    tokenizer = folder_tokenizer(folder)
    sha256 = found.sha256 or (yield from weights_hash(found.path))
    yield Progress(0, 1, "reading weights")
    module = _module(folder, config, dtype)
    torch_module: nn.Module = module
    torch_module.to(device)
    reader = hub_reader(str(folder), module) if kinds_of(config) == ("self",) else None
    yield Progress(0, 1, "comparing attention weights")
    return foreign_model(
        module,
        reader,
        name=found.name,
        tokenizer=tokenizer,
        context=context_of(said) or _LONGEST,
        sha256=sha256,
    )


class HubCache:
    """Keys and values in transformers' DynamicCache, and how many positions of them count."""

    def __init__(self, config: PretrainedConfig | None) -> None:
        """Without a config nothing is kept."""
        self.length = 0
        self.layers = DynamicCache(config=config) if config is not None else DynamicCache()

    @property
    def n_bytes(self) -> int:
        """Memory taken."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self._started())

    def crop(self, length: int) -> None:
        """Forgets the positions from `length` on, also those that a stopped pass has left in some layers.

        (DynamicCache.crop counts from the end in some releases and from the start in others, and from one end only.)
        """
        self.length = min(self.length, length)
        for layer in self._started():
            layer.keys, layer.values = layer.keys[..., : self.length, :], layer.values[..., : self.length, :]

    def _started(self) -> list[Any]:
        return [layer for layer in self.layers.layers if getattr(layer, "is_initialized", False)]


class HubReader:
    """A transformers model, read onwards where its cache can be cut back to a prefix, in one go where it cannot."""

    def __init__(self, module: PreTrainedModel) -> None:
        self._module = module
        self._last_only = "logits_to_keep" in inspect.signature(module.forward).parameters
        self.chunked = _can_crop(module)
        self.vocabulary = 0

    def new_cache(self) -> HubCache:
        return HubCache(self._module.config if self.chunked else None)

    def read(self, ids: Tensor, cache: Cache) -> Tensor:
        assert isinstance(cache, HubCache)
        kept: dict[str, Any] = {"logits_to_keep": 1} if self._last_only else {}
        if self.chunked:
            kept["past_key_values"] = cache.layers
        logits: Tensor = self._module(input_ids=ids, use_cache=self.chunked, **kept).logits
        cache.length += ids.shape[1]
        return logits[0, -1]


def _config(folder: Path, said: dict[str, Any]) -> PretrainedConfig:
    kind = said.get("model_type")
    if kind not in MODEL_NAMES:
        if said.get("auto_map"):
            raise UnsupportedModel(f"{folder} needs code that comes with it (auto_map), which is not run.")
        raise UnsupportedModel(
            f"{folder} holds the model type {kind!r}, which transformers {transformers.__version__} does not know as a"
            " model of text: a decoder, an encoder or an encoder-decoder."
        )
    if said.get("quantization_config"):
        raise UnsupportedModel(f"{folder} is quantised in a way that is not opened; take its full or its GGUF form.")
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever a config's fields lead to
        raise BadCheckpoint(f"{folder / 'config.json'} does not hold together: {_first_line(error)}.") from error
    try:
        class_for(config)
    except UnsupportedModel as error:
        raise UnsupportedModel(f"{folder} does not open: {error}") from None
    return config


def _check_size(folder: Path, config: PretrainedConfig) -> None:
    """The files' headers, and that the config does not ask for much more than they hold (shapes only, no memory)."""
    stored = [tensor for file in weight_files(folder) for tensor in read_header(file).values()]
    inner = config.get_text_config()
    for name in _LAYERS:
        if (getattr(inner, name, None) or 0) > len(stored):
            raise BadCheckpoint(f"{folder}: config.json asks for {getattr(inner, name)} layers, more than the weights.")
    try:
        with torch.device("meta"):
            shaped: nn.Module = class_for(config)._from_config(config, **without_pooler(config))
        wanted = sum(parameter.numel() for parameter in shaped.parameters())
    except Exception as error:  # as above
        raise BadCheckpoint(f"{folder / 'config.json'} makes no model: {_first_line(error)}.") from error
    held = sum(tensor.size for tensor in stored)
    if wanted > 1.5 * held:
        raise BadCheckpoint(f"{folder}: config.json asks for {wanted:,} parameters, the weights hold {held:,}.")


def _module(folder: Path, config: PretrainedConfig, dtype: torch.dtype) -> PreTrainedModel:
    verbosity = hub_logging.get_verbosity()
    hub_logging.set_verbosity(logging.CRITICAL)  # what it warns of is an error below
    hub_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        module, report = class_for(config).from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **without_pooler(config),
        )
    except Exception as error:  # as above
        raise BadCheckpoint(f"{folder}: the weights do not go with config.json: {_first_line(error)}.") from error
    finally:
        hub_logging.set_verbosity(verbosity)
    missing = sorted(report["missing_keys"])
    if missing:
        raise BadCheckpoint(f"{folder} lacks weights that config.json asks for: {', '.join(missing[:3])}.")
    opened: PreTrainedModel = module.eval().requires_grad_(False)
    return opened


def hub_reader(name: str, module: PreTrainedModel) -> HubReader:
    """A reader that was tried: reading on from a cropped cache gives what a cold run gives, or it is not done."""
    reader = HubReader(module)
    ids = torch.zeros(1, 3, dtype=torch.long, device=module.device)
    with torch.inference_mode():
        try:
            cold = HubReader.read(_cold(module), ids, reader.new_cache())
        except Exception as error:  # as above
            raise BadCheckpoint(f"{name}: the model does not run: {_first_line(error)}.") from error
        reader.vocabulary = cold.shape[0]
        if reader.chunked:
            reader.chunked = _reuse_agrees(reader, ids, cold)
    return reader


def _cold(module: PreTrainedModel) -> HubReader:
    reader = HubReader(module)
    reader.chunked = False
    return reader


def _reuse_agrees(reader: HubReader, ids: Tensor, cold: Tensor) -> bool:
    cache = reader.new_cache()
    try:
        reader.read(ids, cache)
        cache.crop(1)
        again = reader.read(ids[:, 1:], cache)
    except Exception:  # noqa: BLE001  (transformers raises whatever its parts raise)
        return False
    close = 1e-4 if cold.dtype in (torch.float32, torch.float64) else 5e-2
    return cache.layers.get_seq_length() == ids.shape[1] and torch.allclose(again, cold, rtol=close, atol=close)


def _can_crop(module: PreTrainedModel) -> bool:
    """Whether every layer keeps all positions: no sliding window, no running state."""
    takes_one = getattr(module, "_supports_default_dynamic_cache", lambda: True)
    if getattr(module, "_is_stateful", False) or not takes_one():
        return False
    try:
        layers = DynamicCache(config=module.config).layers
    except (AttributeError, KeyError, TypeError, ValueError):  # a kind of layer that DynamicCache does not know
        return False
    return all(type(layer) is DynamicLayer for layer in layers)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
