"""The run folder of a training: made once, whole or not at all, and read alike at the start and when a run goes on.

config.toml keeps the recipe in [training] and, in [training.run], what was fixed when the run began.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError

from unrolled.checkpoints import run_folder
from unrolled.checkpoints.cache import new_folder, write_whole
from unrolled.checkpoints.first import first_weights
from unrolled.checkpoints.run_folder import CONFIG, TOKENIZER, WEIGHTS, RunConfig
from unrolled.checkpoints.runs import FORMAT
from unrolled.errors import BadCheckpoint, BadInput
from unrolled.models.families import FAMILIES
from unrolled.progress import Work
from unrolled.text import Tokenizer
from unrolled.text.vocabularies import PAD
from unrolled.training.material import TOKENS, Material, prepare
from unrolled.training.recipe import Recipe, recipe_of, table_of


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What was fixed when the run began."""

    format: int
    steps: int
    """0: not known yet, the speed is to be measured."""
    train_tokens: int
    held_out_tokens: int
    held_out_bytes: int
    too_long: int
    tokenizer_sha256: str
    torch: str
    """Version."""
    threads: int
    device: str


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A run folder that was read."""

    path: Path
    recipe: Recipe
    config: Any
    """The family's own."""
    fixed: Fixed
    tokenizer: Tokenizer


def create(recipe: Recipe, out: Path, device: str) -> Work[None]:
    """Everything but the training: tokens, tokenizer, first weights, config."""
    check_free(out)
    try:
        with new_folder(out) as folder:
            tokenizer, material = yield from prepare(recipe, folder)
            config = family_config(recipe, tokenizer)
            tokenizer.save(folder / TOKENIZER)
            module = first_weights(recipe.family, config, recipe.seed)
            safetensors.torch.save_file(module.state_dict(), folder / WEIGHTS)
            fixed = _fixed(material, folder / TOKENIZER, recipe.bound.steps or 0, device)
            _write_config(folder, recipe, config, tokenizer, fixed)
    except OSError as error:
        raise BadInput(f"The run folder {out} cannot be made: {error.strerror or error}.") from error


def check_free(out: Path) -> None:
    """BadInput if there is something at `out`."""
    if (out / CONFIG).is_file():
        raise BadInput(f"{out} is a run folder already: --resume goes on with it, another --out starts a new one.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} exists and is no run folder: give another --out.")


def read_run(path: Path) -> RunFolder:
    """BadCheckpoint or BadInput says what does not go."""
    if not (path / CONFIG).is_file():
        raise BadInput(f"{path} is no run folder, so there is nothing to go on with: leave --resume off to start one.")
    run = run_folder.read_run_config(path)
    recipe, fixed = _training(path, run.training)
    _check_files(path, fixed)
    return RunFolder(
        path=path, recipe=recipe, config=run.config, fixed=fixed, tokenizer=run_folder.read_tokenizer(path, run)
    )


def fix_steps(run: RunFolder, steps: int, *, write: bool) -> RunFolder:
    """The run, bound for so many steps from now on; `write`: in its config.toml too."""
    fixed = dataclasses.replace(run.fixed, steps=steps)
    if write:
        _write_config(run.path, run.recipe, run.config, run.tokenizer, fixed)
    return dataclasses.replace(run, fixed=fixed)


def family_config(recipe: Recipe, tokenizer: Tokenizer) -> Any:
    """The family's config: the recipe's [model] and what the tokenizer says."""
    kind = FAMILIES[recipe.family].config
    fields = {field.name: field for field in dataclasses.fields(kind)}
    table = dict(recipe.model)
    special = {"pad_id": PAD, "bos_id": tokenizer.template_tokens.get("bos_token", "")}
    table["vocabulary"] = tokenizer.vocabulary
    table |= {name: tokenizer.id_of(token) for name, token in special.items() if name in fields}
    if "eos_id" in fields:
        table["eos_id"] = tokenizer.eos_ids[0]
    for name in table:
        if name not in fields:
            raise BadInput(f"{recipe.family} has no entry model.{name}; it has {', '.join(fields)}.")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, ("model", *first["loc"])))
        raise BadInput(f"{name} = {str(first['input'])[:60]} is not possible: {first['msg']}.") from None


def _fixed(material: Material, tokenizer: Path, steps: int, device: str) -> Fixed:
    return Fixed(
        format=FORMAT,
        steps=steps,
        tokenizer_sha256=_sha256(tokenizer),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        device=device,
        **dataclasses.asdict(material),
    )


def _write_config(folder: Path, recipe: Recipe, config: Any, tokenizer: Tokenizer, fixed: Fixed) -> None:
    said = run_folder.tokenizer_table(tokenizer)
    training = table_of(recipe) | {"run": dataclasses.asdict(fixed)}
    run = RunConfig(config=config, architecture=recipe.family, source_sha256=None, tokenizer=said, training=training)
    write_whole(folder / CONFIG, run_folder.to_toml(run).encode())


def _training(path: Path, training: Mapping[str, Any]) -> tuple[Recipe, Fixed]:
    where, table = path / CONFIG, dict(training)
    if not isinstance(table.get("run"), dict):
        raise BadCheckpoint(f"{where} has no [training.run], so it was not made by a training: nothing to go on with.")
    run = table.pop("run")
    if run.get("format") != FORMAT:
        raise BadCheckpoint(
            f"{path} was made by another version of unrolled (format {run.get('format')}, this one goes on with"
            f" {FORMAT}): go on with that version, or start anew with another --out."
        )
    try:
        fixed = TypeAdapter(Fixed).validate_python(run)
    except ValidationError as error:
        raise BadCheckpoint(f"{where}: [training.run] is damaged: {error.errors()[0]['msg']}.") from None
    return recipe_of(table, f"{where}, [training]"), fixed


def _check_files(path: Path, fixed: Fixed) -> None:
    """The tokenizer is the one that made the tokens, and the tokens are there."""
    if not (path / TOKENIZER).is_file() or _sha256(path / TOKENIZER) != fixed.tokenizer_sha256:
        raise BadCheckpoint(
            f"{path / TOKENIZER} is not the tokenizer that this run began with, so its tokens would mean something"
            " else: put the first one back, or start anew with another --out."
        )
    for name in ("train.bin", "held_out.bin"):
        if not (path / TOKENS / name).is_file():
            raise BadCheckpoint(
                f"{path / TOKENS / name} is gone, so the run cannot go on; start anew with another --out."
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
