"""Opening a checkpoint by its name or path, whatever its make."""

from __future__ import annotations

import errno
import math
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from unrolled.checkpoints import catalogue
from unrolled.checkpoints.cache import cache_folder, file_hash, new_folder
from unrolled.checkpoints.catalogue import entry
from unrolled.checkpoints.gguf import gguf_config, gguf_names, gguf_weights
from unrolled.checkpoints.gguf_header import GGUFFile, read_gguf
from unrolled.checkpoints.gguf_tokenizer import gguf_tokenizer
from unrolled.checkpoints.gpt import gpt_model
from unrolled.checkpoints.known import Entry
from unrolled.checkpoints.machine import check_fits, device_named, dtype_named
from unrolled.checkpoints.make import make_of
from unrolled.checkpoints.model import Model, Training
from unrolled.checkpoints.pairs import pair_model
from unrolled.checkpoints.recurrent import recurrent_model
from unrolled.checkpoints.run_folder import (
    KEPT,
    WEIGHTS,
    RunConfig,
    check_shapes,
    check_weights,
    module_with,
    read_module,
    read_run_config,
    read_tokenizer,
    shapes,
    tokenizer_table,
    write_run_folder,
)
from unrolled.errors import BadCheckpoint, UnknownModel
from unrolled.models.families import FAMILIES
from unrolled.models.gpt import GPTConfig
from unrolled.progress import Progress, finish
from unrolled.text import Tokenizer
from unrolled.text.pairs import PAIRS

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)

Parts = tuple[RunConfig, nn.Module, Tokenizer]

MAKERS: Mapping[str, Callable[..., Model]] = {"causal": gpt_model, "recurrent": recurrent_model, "pair": pair_model}
"""A family's kind -> what makes a Model of its module and tokenizer."""


def opening(spec: str, *, device: str = "cpu", dtype: str = "float32") -> Generator[Progress, None, Model]:
    """Opens a short name, a name in the cache, or a path to a .gguf, .safetensors or folder."""
    where, precision = device_named(device), dtype_named(dtype)
    found = entry(spec)
    if found.path is None:
        raise UnknownModel(f"{found.name} is not on this machine yet: `unrolled models get {found.name}` fetches it.")
    make = make_of(found.path)
    if make == "huggingface":
        from unrolled.checkpoints.huggingface import opening_folder  # transformers is slow to import

        return (yield from opening_folder(found, where, precision))
    if make == "gguf":
        return (yield from _opening_gguf(found, found.path, where, precision))
    return (yield from _opening_run(found, found.path, where, precision))


def open_model(spec: str, *, device: str = "cpu", dtype: str = "float32") -> Model:
    """`opening`, run to its end."""
    return finish(opening(spec, device=device, dtype=dtype))


def _opening_run(
    found: Entry, path: Path, device: torch.device, dtype: torch.dtype
) -> Generator[Progress, None, Model]:
    folder = path if path.is_dir() else path.parent
    run = read_run_config(folder)
    check_fits(found.name, check_weights(folder, run), dtype, device)
    sha256 = run.source_sha256 or (yield from file_hash(folder / WEIGHTS))
    module = read_module(folder, run)
    return _model(found, sha256, (run, module, read_tokenizer(folder, run)), device, dtype)


def _opening_gguf(
    found: Entry, path: Path, device: torch.device, dtype: torch.dtype
) -> Generator[Progress, None, Model]:
    sha256 = yield from file_hash(path)
    copy = cache_folder() / "opened" / f"{sha256[:32]}-{str(dtype)[6:]}"
    parts = _from_copy(found, copy, device, dtype) if copy.is_dir() else None
    if parts is None:
        parts = yield from _unpack(found, path, sha256, copy, device, dtype)
    return _model(found, sha256, parts, device, dtype)


def _from_copy(found: Entry, copy: Path, device: torch.device, dtype: torch.dtype) -> Parts | None:
    """The dequantised copy; None, and the copy gone, if it is damaged."""
    try:
        run = read_run_config(copy)
        check_fits(found.name, check_weights(copy, run), dtype, device)
        return run, read_module(copy, run), read_tokenizer(copy, run)
    except BadCheckpoint:
        shutil.rmtree(copy, ignore_errors=True)
        return None


def _unpack(
    found: Entry, path: Path, sha256: str, copy: Path, device: torch.device, dtype: torch.dtype
) -> Generator[Progress, None, Parts]:
    """Dequantises into a copy that is memory-mapped from then on; into memory if no copy can be written."""
    file = read_gguf(path)
    config = gguf_config(file)
    names = gguf_names(file, config)
    wanted = shapes(config)
    check_shapes(path, wanted, {ours: file.tensors[theirs].shape for ours, theirs in names.items()})
    check_fits(found.name, sum(map(math.prod, wanted.values())), dtype, device)
    tokenizer = gguf_tokenizer(file, config.vocabulary)
    run = _run_config(file, config, tokenizer, sha256)
    in_order = {name: names[name] for name in wanted}
    try:
        with new_folder(copy) as folder:
            yield from write_run_folder(folder, run, tokenizer, dtype, _tensors(file, config, in_order))
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        yield Progress(0, 1, f"no copy can be kept ({error.strerror}): unpacking into memory")
        return run, module_with(config, {n: t.to(dtype) for n, t in _tensors(file, config, in_order)}), tokenizer
    return run, read_module(copy, run), tokenizer


def _tensors(file: GGUFFile, config: GPTConfig, names: Mapping[str, str]) -> Iterator[tuple[str, Tensor]]:
    for name, values in gguf_weights(file, config, names):
        yield name, torch.from_numpy(values)


def _run_config(file: GGUFFile, config: GPTConfig, tokenizer: Tokenizer, sha256: str) -> RunConfig:
    architecture = str(file.fields["general.architecture"])
    said = tokenizer_table(tokenizer)
    return RunConfig(config=config, architecture=architecture, source_sha256=sha256, tokenizer=said)


def _model(found: Entry, sha256: str, parts: Parts, device: torch.device, dtype: torch.dtype) -> Model:
    run, module, tokenizer = parts
    module.to(device=device, dtype=dtype)
    return MAKERS[FAMILIES[run.family].kind](
        module,
        tokenizer,
        name=found.name,
        architecture=run.architecture,
        sha256=sha256,
        training=_training(found, run),
    )


def _training(found: Entry, run: RunConfig) -> Training | None:
    """Who trained it: this project what it ships, `unrolled train` other run folders; a kept save says how far."""
    seed = run.training.get("seed")
    if found.path is None or type(seed) is not int or not 0 <= seed < 2**63:
        return None
    text = run.training.get("text")
    domain = PAIRS.get(str(text.get("pairs")), "") if isinstance(text, Mapping) else ""
    if found.path.parent == catalogue.SHIPPED:
        return Training(said=found.source, seed=seed, pairs=domain)
    folder = found.path if found.path.is_dir() else found.path.parent
    steps = f", {int(folder.name):,} steps" if folder.parent.name == KEPT and folder.name.isdecimal() else ""
    return Training(said=f"trained by unrolled train: family {run.family}, seed {seed}{steps}", seed=seed, pairs=domain)
