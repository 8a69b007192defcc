"""Knobs: what a reader may turn. Their types are the only description of the controls.

From `temperature: Annotated[float, Range(0, 2)] = 1.0` are derived the check of what comes in, the JSON Schema, the
slider on the page, the command line's flag and the reference page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from unrolled.errors import BadKnob, UnknownKnob

Numbers = tuple[tuple[float, ...], ...]
"""A matrix that a reader may edit, as rows of numbers."""


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included. `log`: the slider runs over the logarithm."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _with(handler(source), ge=self.low, le=self.high)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        extras: dict[str, Any] = {"x-step": self.step} if self.step else {}
        return handler(schema) | extras | ({"x-log": True} if self.log else {})


class Choice:
    """One of a few values."""

    def __init__(self, *values: int | str) -> None:
        self.values = values

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.chain_schema([handler(source), core_schema.literal_schema(list(self.values))])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kind = "string" if isinstance(self.values[0], str) else "integer"
        return {"type": kind, "enum": list(self.values)}


@dataclass(frozen=True)
class Length:
    """A text of at most `most` characters."""

    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _with(handler(source), max_length=self.most)


@dataclass(frozen=True)
class Offered:
    """Of a knob's choices, those that are in this field of the answer; "" stands for the first of them.

    What a model has is known only once it is open: the page shows the choices when there is more than one.
    """

    field: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"x-offered": self.field}


@dataclass(frozen=True)
class Below:
    """A whole number below this field of the answer: where the page's slider ends."""

    field: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"x-below": self.field}


class Hidden:
    """A knob that views turn, not readers: it is not drawn among the controls."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"x-hidden": True}


@dataclass(frozen=True)
class Matrix:
    """A rectangular matrix of `rows` by `columns` (fewest, most), every number from `-bound` to `bound`."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    bound: float = 100.0

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shape = {"rows": list(self.rows), "columns": list(self.columns), "bound": self.bound}
        return {"type": "array", "x-matrix": shape}

    def _check(self, value: Numbers | None) -> Numbers | None:
        if value is None:
            return None
        widths = {len(row) for row in value}
        rectangular = len(widths) == 1 and self.columns[0] <= min(widths) <= self.columns[1]
        if not (rectangular and self.rows[0] <= len(value) <= self.rows[1]):
            raise ValueError("wrong shape")
        if not all(abs(number) <= self.bound for row in value for number in row):
            raise ValueError("out of bounds")
        return value


def _with(schema: CoreSchema, **bounds: float) -> CoreSchema:
    return cast(CoreSchema, {**schema, **bounds})


class Knobs(BaseModel):
    """Base of the model that each panel's keyword-only parameters are turned into."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def describe(schema: dict[str, Any]) -> str:
    """In words what a knob takes, from its JSON Schema."""
    if "x-matrix" in schema:
        shape = schema["x-matrix"]
        (fewest, most), (narrow, wide) = shape["rows"], shape["columns"]
        bound = f"from -{shape['bound']:g} to {shape['bound']:g}"
        return f"a matrix of {fewest} to {most} rows and {narrow} to {wide} columns of numbers {bound}, as [[…], […]]"
    if "enum" in schema:
        return "one of " + ", ".join(str(choice) for choice in schema["enum"] if choice != "")
    kind = schema.get("type")
    if kind in ("number", "integer"):
        noun = "a whole number" if kind == "integer" else "a number"
        return f"{noun} from {schema['minimum']:g} to {schema['maximum']:g}"
    if kind == "boolean":
        return "true or false"
    return f"a text of at most {schema['maxLength']:,} characters"


def checked_knobs(panel: str, model: type[Knobs], given: dict[str, Any]) -> dict[str, Any]:
    """Every knob of a panel with its value, defaults filled in; `BadKnob` or `UnknownKnob` in one sentence."""
    for name in given:
        if name not in model.model_fields:
            exist = ", ".join(model.model_fields) or "none"
            raise UnknownKnob(f"{panel} has no knob “{name}”; it has {exist}.")
    try:
        knobs = model.model_validate(given)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        takes = describe(model.model_json_schema()["properties"][name])
        raise BadKnob(f"{panel}: {name} was {_short(given[name])}; it takes {takes}.") from None
    return {name: getattr(knobs, name) for name in model.model_fields}


def _short(value: Any, most: int = 60) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair cannot be sent back
    return text if len(text) <= most else text[: most - 1] + "…"
