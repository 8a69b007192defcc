"""What a checkpoint is, told by its headers alone: no weights are read, no torch model is made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled.checkpoints.gguf import gguf_config
from unrolled.checkpoints.gguf_header import GGUFFile, read_gguf
from unrolled.checkpoints.known import GPT_PROBES, Entry
from unrolled.checkpoints.make import make_of, weight_files
from unrolled.checkpoints.pairs import TARGET, pair_probes
from unrolled.checkpoints.recurrent import LONGEST
from unrolled.checkpoints.run_folder import RunConfig, read_run_config
from unrolled.checkpoints.safetensors_header import read_header
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.models.families import FAMILIES

_CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length")

_ENCODERS = ("ForMaskedLM", "BertModel", "AlbertModel", "MPNetModel", "ElectraModel", "RobertaModel")

_WHOLE_NUMBERS = ("BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64")  # positions and masks, not parameters


@dataclass(frozen=True, kw_only=True)
class StoredShape:
    """One tensor as it is stored."""

    shape: tuple[int, ...]
    dtype: str


def tensors_of(path: Path) -> dict[str, StoredShape]:
    """Every tensor of a checkpoint by the name that its file gives it."""
    if make_of(path) == "gguf":
        return _gguf_tensors(read_gguf(path))
    return {
        name: StoredShape(shape=tensor.shape, dtype=tensor.dtype)
        for file in weight_files(path)
        for name, tensor in read_header(file).items()
    }


def entry_at(name: str, path: Path, said: Mapping[str, Any]) -> Entry:
    """The entry of what lies at `path`; `said`: title, licence, source, sha256 as far as they are known already."""
    facts = _facts(path)
    return Entry(
        name=name,
        title=str(said.get("title") or facts.title or path.stem),
        licence=str(said.get("licence") or facts.licence),
        source=str(said.get("source") or path),
        size_bytes=sum(file.stat().st_size for file in weight_files(path)),
        sha256=str(said.get("sha256") or ""),
        parameters=sum(math.prod(t.shape) for t in facts.tensors.values() if t.dtype not in _WHOLE_NUMBERS),
        context=facts.context,
        architecture=facts.architecture,
        probes=facts.probes,
        here=True,
        path=path,
        takes_target=facts.takes_target,
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. BadCheckpoint."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BadCheckpoint(f"{path} holds no JSON object.")
    return value


def context_of(config: Mapping[str, Any]) -> int:
    """Tokens that a Hugging Face config allows; 0 if it sets no limit."""
    inner = config.get("text_config")
    for table in (config, inner if isinstance(inner, dict) else {}):
        for name in _CONTEXT_NAMES:
            if type(table.get(name)) is int and table[name] > 0:
                return int(table[name])
    return 0


def is_encoder_decoder(config: Mapping[str, Any]) -> bool:
    """Whether a Hugging Face config is one of a model with a decoder's text besides the encoder's."""
    names = [str(name) for name in config.get("architectures") or []]
    return bool(config.get("is_encoder_decoder")) or any(n.endswith("ForConditionalGeneration") for n in names)


def hub_probes(config: Mapping[str, Any]) -> frozenset[str]:
    """What a Hugging Face folder has as a rule; opening it finds out (`Model.probes`, `Model.why`)."""
    names = [str(name) for name in config.get("architectures") or []]
    if is_encoder_decoder(config):
        return frozenset({"attn", TARGET})
    is_encoder = bool(names) and all(name.endswith(_ENCODERS) for name in names) and not config.get("is_decoder")
    return frozenset({"attn"} if is_encoder else {"attn", "logits", "resid"})


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What the headers of a checkpoint say, each read once."""

    architecture: str
    context: int
    probes: frozenset[str]
    tensors: Mapping[str, StoredShape]
    licence: str = ""
    title: str = ""
    takes_target: bool = False


def _facts(path: Path) -> _Facts:
    make, folder = make_of(path), path if path.is_dir() else path.parent
    if make == "gguf":
        return _gguf_facts(read_gguf(path))
    if make == "run":
        run = read_run_config(folder)
        context, probes = _run_facts(run)
        return _Facts(
            architecture=run.architecture,
            context=context,
            probes=probes,
            tensors=tensors_of(path),
            takes_target=FAMILIES[run.family].kind == "pair",
        )
    config = read_json(folder / "config.json")
    return _Facts(
        architecture=str(config.get("model_type", "unknown")),
        context=context_of(config),
        probes=hub_probes(config),
        tensors=tensors_of(path),
        licence=_card_licence(folder),
        takes_target=is_encoder_decoder(config),
    )


def _gguf_facts(file: GGUFFile) -> _Facts:
    licence, title = (str(file.fields.get(f"general.{name}", "")) for name in ("license", "name"))
    try:
        context, probes = gguf_config(file).context, GPT_PROBES
    except UnsupportedModel:
        context, probes = 0, frozenset()
    return _Facts(
        architecture=str(file.fields.get("general.architecture")),
        context=context,
        probes=probes,
        tensors=_gguf_tensors(file),
        licence=licence,
        title=title,
    )


def _gguf_tensors(file: GGUFFile) -> dict[str, StoredShape]:
    return {t.name: StoredShape(shape=t.shape, dtype=t.kind.name) for t in file.tensors.values()}


def _run_facts(run: RunConfig) -> tuple[int, frozenset[str]]:
    """Context and probes of one of our own families."""
    family = FAMILIES[run.family]
    if family.kind == "causal":
        return run.config.context, GPT_PROBES
    if family.kind == "pair":
        return run.config.context, pair_probes(run.config)
    return LONGEST, family.probes


def _card_licence(folder: Path) -> str:
    """The licence line of the model card's front matter."""
    try:
        lines = (folder / "README.md").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    if lines[:1] != ["---"]:
        return ""
    for line in lines[1:200]:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip().strip("'\"")
    return ""
