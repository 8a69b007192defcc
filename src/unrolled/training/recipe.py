"""A recipe: everything that makes a training run what it is. TOML on disk, one a family in recipes/, shipped.

The same recipe, seed included, on the same machine gives the same weights to the last bit.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from unrolled.errors import BadInput, NotFound
from unrolled.models.families import FAMILIES

_STRICT = ConfigDict(extra="forbid", strict=True)
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, lt=2**40)]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is learnt from: `[text]`."""

    __pydantic_config__ = _STRICT
    source: str = "fiction"
    """A shipped text by name, or the path of a file or folder of the reader's own."""
    pairs: str | None = None
    """Shipped sentence pairs by name instead, for encoder-decoders."""
    tokenizer: str = "bpe"
    """bpe, bytes, characters, or the path of a tokenizer.json."""
    vocabulary: Annotated[int, Field(ge=256, le=2**20)] = 2048
    """Tokens that BPE makes, special ones among them; a small text makes fewer."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the reader's own text, its end, that is not learnt from. Shipped texts say themselves."""


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """AdamW (Loshchilov & Hutter 2019) and what is done to loss and gradients: `[optimiser]`."""

    __pydantic_config__ = _STRICT
    learning_rate: Rate = 1e-3
    """At its highest; see [schedule]."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Memory of the mean of gradients."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Memory of the mean of their squares."""
    epsilon: Rate = 1e-8
    """Added to the root of the latter."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    """Of matrices and tables, a step and unit of learning rate; biases and norms are let be."""
    clip: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """The gradient's largest norm; 0: no limit (Pascanu et al. 2013)."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target spread over the vocabulary (Szegedy et al. 2016)."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What matrix products run in; weights and sums stay in float32. bfloat16 is for Transformers on processors that
    have it (a quarter quicker with AVX-512 BF16); without, and in an LSTM, it is many times slower."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate over the run: `[schedule]`, see schedule.py."""

    __pydantic_config__ = _STRICT
    kind: Literal["cosine", "inverse_square_root", "constant"] = "cosine"
    """What comes after the warm-up."""
    warm_up: Share = 0.05
    """Share of the steps in which the rate rises from 0."""
    final: Share = 0.1
    """Cosine: the last rate, as a share of the highest."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How long: exactly one of three, `[bound]`."""

    __pydantic_config__ = _STRICT
    steps: Count | None = None
    """Steps of the optimiser."""
    tokens: Count | None = None
    """Tokens learnt from, counted again in every epoch."""
    minutes: Rate | None = None
    """Of this machine's time, all included; its speed is measured first."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run."""

    __pydantic_config__ = _STRICT
    family: str
    """One of models/families.py."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Of the first weights, the order of the text, dropout and samples."""
    batch: Count = 32
    """Windows (or sentence pairs) a step, over all processes together."""
    micro_batch: Annotated[int, Field(ge=0)] = 0
    """How many of them go through the model at once; 0: all. The same step up to rounding, with less memory; what fits
    the processor's caches is quicker too."""
    reports: Annotated[int, Field(ge=1)] = 20
    """How often the held-out part is measured and a sample is written, evenly over the run."""
    report_tokens: Annotated[int, Field(ge=0)] = 8192
    """How much of the held-out part those times, from its beginning; 0: all. At the end it is always all."""
    keep: tuple[Share, ...] = ()
    """Where in the run (0: the start, 1: the end) weights are kept for good, in float16."""
    save_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    """Between two saves that a run could go on from."""
    bound: Bound
    model: Mapping[str, Any]
    """The family's config, without what the tokenizer says (vocabulary and special tokens)."""
    text: Source = field(default_factory=Source)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)


def recipe_of(table: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from a table as TOML gives it. BadInput says which entry of `where` is wrong, and what it can be."""
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise BadInput(f"{where}: {_said(error)}.") from None
    if recipe.family not in FAMILIES:
        raise NotFound(f"{where}: there is no family “{recipe.family}”; there are {', '.join(FAMILIES)}.")
    if (FAMILIES[recipe.family].kind == "pair") != (recipe.text.pairs is not None):
        alone = recipe.text.pairs is not None
        reads, it, lacks = ("one text", "it", "--text") if alone else ("sentence pairs", "them", "--pairs")
        raise BadInput(f"{where}: {recipe.family} learns from {reads}: name {it} with {lacks}.")
    if sum(value is not None for value in dataclasses.astuple(recipe.bound)) != 1:
        raise BadInput(f"{where}: [bound] says how long with exactly one of steps, tokens and minutes.")
    if recipe.micro_batch and recipe.batch % recipe.micro_batch:
        raise BadInput(
            f"{where}: a batch of {recipe.batch} does not divide into micro-batches of {recipe.micro_batch}."
        )
    return recipe


def table_of(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a table that `recipe_of` takes: what is None is left out."""
    table = dataclasses.asdict(recipe)
    return {name: _without_none(value) for name, value in table.items()}


def shipped() -> tuple[str, ...]:
    """Names of the recipes that come with unrolled."""
    return tuple(sorted(path.name[:-5] for path in _folder().iterdir() if path.name.endswith(".toml")))


def read_recipe(spec: str) -> dict[str, Any]:
    """The table of a shipped recipe, by name, or of a file that ends in .toml."""
    if spec in shipped():
        return tomllib.loads((_folder() / f"{spec}.toml").read_text(encoding="utf-8"))
    if not spec.endswith(".toml"):
        raise NotFound(f"There is no recipe “{spec}”; there are {', '.join(shipped())}, or a file that ends in .toml.")
    try:
        return tomllib.loads(Path(spec).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"The recipe “{spec}” cannot be read: {error}.") from None


def overridden(table: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """The table after `optimiser.learning_rate=3e-4 model.d_model=256 …`; values are TOML, or else plain words."""
    changed = {name: dict(value) if isinstance(value, Mapping) else value for name, value in table.items()}
    for word in words:
        name, equals, value = word.partition("=")
        part, dot, entry = name.partition(".")
        if not equals or not part:
            raise BadInput(f"“{word}” is no override; write name=value, as in optimiser.learning_rate=3e-4.")
        if dot:
            inner = changed.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadInput(f"“{word}”: {part} is one value and has no entry {entry}.")
            inner[entry] = _value(value)
        else:
            changed[part] = _value(value)
    return changed


def difference(before: Recipe, after: Recipe) -> str | None:
    """The first entry that is not the same, said in words; None if there is none."""
    old, new = _flat(table_of(before)), _flat(table_of(after))
    for name in (*old, *(name for name in new if name not in old)):
        if old.get(name) != new.get(name):
            return f"{name} was {old.get(name, 'not given')} and is now {new.get(name, 'not given')}"
    return None


def _folder() -> Any:
    return files("unrolled.training") / "recipes"


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _without_none(value: Any) -> Any:
    return {name: v for name, v in value.items() if v is not None} if isinstance(value, dict) else value


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= {f"{name}.{n}": v for n, v in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _said(error: ValidationError) -> str:
    """The first complaint, with what its table could have instead of an entry that does not exist."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        parts = {"text": Source, "optimiser": Optimiser, "schedule": Schedule, "bound": Bound}
        of = parts.get(str(first["loc"][0]), Recipe) if len(first["loc"]) > 1 else Recipe
        return f"there is no entry {name}; there are {', '.join(f.name for f in dataclasses.fields(of))}"
    if first["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"the entry {name} is missing"
    return f"{name} = {str(first['input'])[:60]} is not possible: {first['msg'][:1].lower()}{first['msg'][1:]}"
