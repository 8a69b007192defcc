"""Run folders: a model of ours on disk.

config.toml          family, the model's config, where it came from, what the tokenizer cannot say, how it was trained
model.safetensors    weights, memory-mapped when opened
tokenizer.json       as the `tokenizers` library writes it
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import tomllib
import typing
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from unrolled.checkpoints.machine import STORED
from unrolled.checkpoints.safetensors_header import read_header, write_safetensors
from unrolled.checkpoints.shapes_only import shapes_only
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.models.families import FAMILIES
from unrolled.progress import Progress, stop_if_cancelled
from unrolled.text import Tokenizer

CONFIG, WEIGHTS, TOKENIZER = "config.toml", "model.safetensors", "tokenizer.json"
KEPT = "kept"
"""In a training's folder, where run folders of some of its steps lie, each named after its step."""
_MAY_BE_ZERO = ("dropout",)
_ANY_SIGN = ("forget_bias", "update_bias")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What config.toml says."""

    config: Any
    """Of the type that its family has in models/families.py."""
    architecture: str
    """What the checkpoint calls itself, e.g. "llama"."""
    source_sha256: str | None
    """Of the file that this is a dequantised copy of."""
    tokenizer: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    """The recipe, kept as it stands; opening ignores it."""

    @property
    def family(self) -> str:
        """Its name in models/families.py."""
        return next(name for name, family in FAMILIES.items() if family.config is type(self.config))


def write_run_folder(
    folder: Path, run: RunConfig, tokenizer: Tokenizer, dtype: torch.dtype, tensors: Iterable[tuple[str, Tensor]]
) -> Generator[Progress, None, None]:
    """Fills `folder`; `tensors` come one at a time, in the order of the model's state dict."""
    tokenizer.save(folder / TOKENIZER)
    (folder / CONFIG).write_text(to_toml(run), encoding="utf-8")
    layout = {name: (STORED[dtype], shape) for name, shape in shapes(run.config).items()}
    with (folder / WEIGHTS).open("wb") as file:
        written = write_safetensors(file, layout, ((name, _bytes(tensor.to(dtype))) for name, tensor in tensors))
        for done, _ in enumerate(written, start=1):
            yield Progress(done, len(layout), "tensors unpacked")
            stop_if_cancelled()


def read_run_config(folder: Path) -> RunConfig:
    """config.toml, each value checked against its type."""
    path = folder / CONFIG
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCheckpoint(f"{folder} has no {CONFIG}, which says what the weights are.") from None
    except (ValueError, OSError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}.") from error
    family = table.get("family")
    if not isinstance(family, str) or family not in FAMILIES:
        raise UnsupportedModel(f"{path} is of the family {family!r}; there are {', '.join(FAMILIES)}.")
    source = table.get("source_sha256")
    return RunConfig(
        config=_config(path, FAMILIES[family].config, table.get("model")),
        architecture=str(table.get("architecture", family)),
        source_sha256=source if isinstance(source, str) else None,
        tokenizer=_table(table, "tokenizer"),
        training=_table(table, "training"),
    )


def read_tokenizer(folder: Path, run: RunConfig) -> Tokenizer:
    """tokenizer.json, with beginning, end and chat template from config.toml."""
    path = folder / TOKENIZER
    if not path.is_file():
        raise BadCheckpoint(f"{folder} has no {TOKENIZER}, without which text cannot be read.")
    try:
        tk = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise BadCheckpoint(f"{path} is no tokenizer: {error}.") from error
    said = run.tokenizer
    return Tokenizer.from_tokenizers(
        tk,
        bos_id=said.get("bos_id"),
        eos_ids=said.get("eos_ids", ()),
        chat_template=said.get("chat_template"),
        template_tokens=said.get("template_tokens", {}),
    )


def tokenizer_table(tokenizer: Tokenizer) -> dict[str, Any]:
    """What `read_tokenizer` wants to know besides tokenizer.json."""
    return {
        "bos_id": tokenizer.bos_id,
        "eos_ids": tokenizer.eos_ids,
        "chat_template": tokenizer.chat_template,
        "template_tokens": tokenizer.template_tokens,
    }


def check_weights(folder: Path, run: RunConfig) -> int:
    """Number of parameters, if the file's names and shapes are exactly those of the config. Reads the header only."""
    path = folder / WEIGHTS
    stored = read_header(path)
    n_layer = run.config.n_layer
    if n_layer > len(stored):  # before so many are made, if only of shapes
        raise BadCheckpoint(f"{path} has {len(stored)} tensors, too few for {n_layer} layers.")
    check_shapes(path, shapes(run.config), {name: tensor.shape for name, tensor in stored.items()})
    odd = {tensor.dtype for tensor in stored.values()} - set(STORED.values())
    if odd:
        raise BadCheckpoint(f"{path} has weights of type {min(odd)}; {', '.join(STORED.values())} are opened.")
    return sum(tensor.size for tensor in stored.values())


def read_module(folder: Path, run: RunConfig) -> nn.Module:
    """The model with its weights, memory-mapped, after `check_weights`."""
    path = folder / WEIGHTS
    try:
        with safe_open(str(path), framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}.") from error
    return module_with(run.config, weights)


def module_with(config: Any, weights: Mapping[str, Tensor]) -> nn.Module:
    """The model of that config, holding exactly these tensors: nothing is allocated or initialised."""
    with shapes_only():
        model: nn.Module = _class_for(config)(config)
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight, in the order of the state dict."""
    try:
        with shapes_only():
            return {name: tuple(tensor.shape) for name, tensor in _class_for(config)(config).state_dict().items()}
    except (RuntimeError, OverflowError) as error:
        raise BadCheckpoint("The config asks for tensors larger than any memory.") from error


def check_shapes(path: Path, wanted: Mapping[str, tuple[int, ...]], stored: Mapping[str, tuple[int, ...]]) -> None:
    """BadCheckpoint if the file's tensors are not those that the config asks for."""
    for name, shape in wanted.items():
        if name not in stored:
            raise BadCheckpoint(f"{path} has no tensor {name!r}, which its config asks for.")
        if stored[name] != shape:
            raise BadCheckpoint(f"{path}: {name!r} is {list(stored[name])}, its config says {list(shape)}.")
    extra = sorted(stored.keys() - wanted.keys())
    if extra:
        raise BadCheckpoint(f"{path} has tensors that its config does not know: {', '.join(extra[:4])}.")


def _bytes(tensor: Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def _class_for(config: Any) -> Any:
    return next(family.model for family in FAMILIES.values() if family.config is type(config))


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return table[name] if isinstance(table.get(name), dict) else {}


def _config(path: Path, kind: type[Any], table: Any) -> Any:
    if not isinstance(table, dict):
        raise BadCheckpoint(f"{path} has no table [model].")
    hints = typing.get_type_hints(kind)
    unknown = table.keys() - hints.keys()
    required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    if unknown or required - table.keys():
        names = ", ".join(sorted(unknown | (required - table.keys())))
        raise BadCheckpoint(f"{path}: [model] has unknown or missing entries: {names}.")
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
    wrong = [name for name, value in values.items() if not _is_of(name, value, hints[name])]
    if wrong:
        raise BadCheckpoint(f"{path}: [model] {wrong[0]} = {str(table[wrong[0]])[:60]!r} is not possible.")
    try:
        config = kind(**values)
    except ValueError as error:  # a sentence of the family's own
        raise BadCheckpoint(f"{path}: [model] {error}") from None
    return config


def _is_of(name: str, value: Any, hint: Any) -> bool:
    """Whether a TOML value is of a config field's type, and a size, a rate or a token's id that can be."""
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if hint is int:
        least = 0 if name.endswith("_id") else 1
        return type(value) is int and least <= value < 2**31
    if hint is float:
        number = type(value) in (int, float) and math.isfinite(value)
        return number and (value > 0 or name in _ANY_SIGN or (value == 0 and name in _MAY_BE_ZERO))
    if hint is bool:
        return type(value) is bool
    return isinstance(value, tuple) and all(_is_of(name, factor, float) for factor in value)


def to_toml(run: RunConfig) -> str:
    """What config.toml says."""
    lines = [f"family = {_toml(run.family)}", f"architecture = {_toml(run.architecture)}"]
    if run.source_sha256:
        lines.append(f"source_sha256 = {_toml(run.source_sha256)}")
    tables = {"model": dataclasses.asdict(run.config), "tokenizer": run.tokenizer}
    lines += [line for name, entries in tables.items() for line in _flat(name, entries)]
    lines += _nested("training", run.training) if run.training else []
    return "\n".join(lines) + "\n"


def _flat(name: str, entries: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{_key(key)} = {_toml(value)}" for key, value in entries.items() if value is not None)]


def _nested(name: str, entries: Mapping[str, Any]) -> list[str]:
    """A table, and after it the tables in it."""
    inner = {key: value for key, value in entries.items() if isinstance(value, Mapping)}
    lines = _flat(name, {key: value for key, value in entries.items() if key not in inner})
    return lines + [line for key, value in inner.items() for line in _nested(f"{name}.{_key(key)}", value)]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    """A TOML value. JSON's strings are TOML's, but for DEL."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(name))} = {_toml(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
