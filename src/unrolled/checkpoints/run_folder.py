"""Run folders: a model of ours on disk.

config.toml          family, the model's config, where it came from, what the tokenizer cannot say
model.safetensors    weights, memory-mapped when opened
tokenizer.json       as the `tokenizers` library writes it
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import typing
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from unrolled.checkpoints.machine import STORED
from unrolled.checkpoints.safetensors_header import read_header, write_safetensors
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import Progress, stop_if_cancelled
from unrolled.text import Tokenizer

CONFIG, WEIGHTS, TOKENIZER = "config.toml", "model.safetensors", "tokenizer.json"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What config.toml says."""

    config: GPTConfig
    architecture: str
    """What the checkpoint calls itself, e.g. "llama"."""
    source_sha256: str | None
    """Of the file that this is a dequantised copy of."""
    tokenizer: Mapping[str, Any]


def write_run_folder(
    folder: Path, run: RunConfig, tokenizer: Tokenizer, dtype: torch.dtype, tensors: Iterable[tuple[str, Tensor]]
) -> Generator[Progress, None, None]:
    """Fills `folder`; `tensors` come one at a time, in the order of the model's state dict."""
    tokenizer.save(folder / TOKENIZER)
    (folder / CONFIG).write_text(_to_toml(run), encoding="utf-8")
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
    if table.get("family") != "gpt":
        raise UnsupportedModel(f"{path} is of the family {table.get('family')!r}; 'gpt' is opened.")
    source = table.get("source_sha256")
    return RunConfig(
        config=_config(path, table.get("model")),
        architecture=str(table.get("architecture", "gpt")),
        source_sha256=source if isinstance(source, str) else None,
        tokenizer=table["tokenizer"] if isinstance(table.get("tokenizer"), dict) else {},
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


def check_weights(folder: Path, run: RunConfig) -> int:
    """Number of parameters, if the file's names and shapes are exactly those of the config. Reads the header only."""
    path = folder / WEIGHTS
    stored = read_header(path)
    if run.config.n_layer > len(stored):
        raise BadCheckpoint(f"{path} has {len(stored)} tensors, too few for {run.config.n_layer} layers.")
    check_shapes(path, shapes(run.config), {name: tensor.shape for name, tensor in stored.items()})
    odd = {tensor.dtype for tensor in stored.values()} - set(STORED.values())
    if odd:
        raise BadCheckpoint(f"{path} has weights of type {min(odd)}; {', '.join(STORED.values())} are opened.")
    return sum(tensor.size for tensor in stored.values())


def read_gpt(folder: Path, run: RunConfig) -> GPT:
    """The model with its weights, memory-mapped, after `check_weights`."""
    path = folder / WEIGHTS
    try:
        with safe_open(str(path), framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}.") from error
    return gpt_with(run.config, weights)


def gpt_with(config: GPTConfig, weights: Mapping[str, Tensor]) -> GPT:
    """A GPT that holds exactly these tensors: nothing is allocated or initialised."""
    with torch.device("meta"):
        model = GPT(config)
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight, in the order of the state dict."""
    try:
        with torch.device("meta"):
            return {name: tuple(tensor.shape) for name, tensor in GPT(config).state_dict().items()}
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


def _config(path: Path, table: Any) -> GPTConfig:
    if not isinstance(table, dict):
        raise BadCheckpoint(f"{path} has no table [model].")
    hints = typing.get_type_hints(GPTConfig)
    unknown = table.keys() - hints.keys()
    required = {f.name for f in dataclasses.fields(GPTConfig) if f.default is dataclasses.MISSING}
    if unknown or required - table.keys():
        names = ", ".join(sorted(unknown | (required - table.keys())))
        raise BadCheckpoint(f"{path}: [model] has unknown or missing entries: {names}.")
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
    wrong = [name for name, value in values.items() if not _is_of(value, hints[name])]
    if wrong:
        raise BadCheckpoint(f"{path}: [model] {wrong[0]} = {str(table[wrong[0]])[:60]!r} is not possible.")
    config = GPTConfig(**values)
    if config.n_head % config.n_key_value or config.d_head % 2:
        raise BadCheckpoint(f"{path}: {config.n_head} heads of {config.d_head} over {config.n_key_value} do not go.")
    return config


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a TOML value is of a config field's type, and a size or a rate that can be."""
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if hint is int:
        return type(value) is int and 1 <= value < 2**31
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value) and value >= 0
    if hint is bool:
        return type(value) is bool
    return isinstance(value, tuple) and all(_is_of(factor, float) for factor in value)


def _to_toml(run: RunConfig) -> str:
    lines = ['family = "gpt"', f"architecture = {_toml(run.architecture)}"]
    if run.source_sha256:
        lines.append(f"source_sha256 = {_toml(run.source_sha256)}")
    tables = {"model": dataclasses.asdict(run.config), "tokenizer": dict(run.tokenizer)}
    for table, entries in tables.items():
        lines += ["", f"[{table}]", *(f"{name} = {_toml(v)}" for name, v in entries.items() if v is not None)]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A TOML value. JSON's strings are TOML's, but for DEL."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(name))} = {_toml(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
