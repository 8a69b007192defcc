"""`unrolled models`: which there are, what one is, fetching."""

from __future__ import annotations

import json

import typer

from unrolled.cli.bar import errors, finish
from unrolled.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, describe and fetch models.")


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Every model that has a short name: is it here, how large, which figures it opens."""
    from unrolled import terminal
    from unrolled.desk import Shelf
    from unrolled.server import models_json

    found = models_json(Shelf())
    print(json.dumps(found, ensure_ascii=False)) if as_json else terminal.list_models(found)


@app.command("info")
def info(name: str, as_json: AsJson = False) -> None:
    """What one model is: licence, size, hash, shapes, which figures it opens and why not the others."""
    from unrolled import checkpoints, terminal
    from unrolled.server import entry_json

    described = checkpoints.describe(name)
    tensors = {each: {"shape": list(tensor.shape), "dtype": tensor.dtype} for each, tensor in described.tensors.items()}
    found = entry_json(described.entry) | {"tensors": tensors}
    print(json.dumps(found, ensure_ascii=False)) if as_json else terminal.model_info(found)


@app.command("get")
def get(name: str) -> None:
    """Fetch a model into your cache: a known short name, or ORG/NAME from the Hugging Face Hub."""
    from unrolled import checkpoints

    finish(checkpoints.get(name))
    entry = checkpoints.entry(name)
    errors.print(
        f"{entry.name} is here: {entry.title}, {entry.licence}, {entry.size_bytes / 1e6:.0f} MB.", markup=False
    )
