"""Figure and panel: the contract that page, notebook, command line and experiments share.

A figure is a module in this folder. Its docstring's first line is the question it answers; each function marked with
`@panel` is one panel: positional parameters are what is loaded (`Model`, `Models`, `Text`, `Pair`), keyword-only ones
are knobs with their bounds in the type, and the result is a frozen dataclass whose every field says shape and unit.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Generator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import create_model

from unrolled.checkpoints import Model
from unrolled.errors import ProbeNotFound
from unrolled.figures._inputs import Input, input_of, why_closed
from unrolled.figures._knobs import Knobs
from unrolled.mathematics import Formula
from unrolled.provenance import Provenance

F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V")
Sources = Callable[[tuple[Model, ...], dict[str, Any]], tuple[Provenance, ...]]
"""Models and knobs -> where a panel's numbers come from, if not simply from all of the models."""


class Axes:
    """Names of the axes of (nested) strings: `Annotated[tuple[str, ...], Axes("token")]`."""

    def __init__(self, *names: str) -> None:
        self.names = names


Each = Annotated[tuple[V, ...], "each model"]
"""One value for each model, in their order: `Each[float]`, `Each[Float32[np.ndarray, "choice"]]`."""


@dataclass(frozen=True)
class Field:
    """One field of a result: what views, tables and the generated TypeScript know of it."""

    name: str
    doc: str
    dtype: str
    """float64, float32, int64 … for arrays; float, int, bool, str for single values."""
    axes: tuple[str, ...]
    """Names of the axes. `many`: one such value for each model, in their order."""
    many: bool


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: the function and everything derived from its signature."""

    figure: str
    name: str
    run: Callable[..., Any]
    needs: tuple[str, ...]
    formula: Formula | None
    source: str
    claim: str | None
    shows: tuple[Callable[..., Any], ...]
    sources: Sources | None = None
    fits: Callable[[Model], object] | None = None

    @property
    def title(self) -> str:
        """How messages name it: figure and panel."""
        return f"{self.figure} ({self.name})"

    @cached_property
    def doc(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.run) or ""

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """Positional inputs in order, by parameter name."""
        hints = get_type_hints(self.run, include_extras=True)
        return {p.name: input_of(hints[p.name]) for p in self._parameters() if p.kind is p.POSITIONAL_OR_KEYWORD}

    @cached_property
    def knobs(self) -> type[Knobs]:
        """A Pydantic model of the keyword-only parameters."""
        hints = get_type_hints(self.run, include_extras=True)
        knobs = {p.name: (hints[p.name], p.default) for p in self._parameters() if p.kind is p.KEYWORD_ONLY}
        return create_model(f"{self.figure}_{self.name}_knobs", __base__=Knobs, **knobs)  # type: ignore[call-overload,no-any-return]

    @cached_property
    def result(self) -> type[Any]:
        """The frozen dataclass that the function gives, directly or at the end of its progress."""
        returns = get_type_hints(self.run)["return"]
        result: type[Any] = get_args(returns)[2] if get_origin(returns) is Generator else returns
        return result

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The result's fields in order, with the doc line under each."""
        hints, docs = get_type_hints(self.result, include_extras=True), _field_docs(self.result)
        return tuple(_field(f.name, hints[f.name], docs.get(f.name, "")) for f in fields(self.result))

    @cached_property
    def code(self) -> str:
        """The source of the very functions that run, undecorated first lines included."""
        return "\n\n".join(inspect.getsource(part) for part in (self.run, *self.shows))

    def why_closed(self, name: str, probes: frozenset[str]) -> str | None:
        """Why a model with these probes does not open the panel, or None when it does."""
        return why_closed(name, probes, self.needs)

    def why_not(self, model: Model) -> str | None:
        """The same of an open model, which is also asked for what no probe says."""
        reason = self.why_closed(model.name, model.probes)
        if reason is None and self.fits is not None:
            try:
                self.fits(model)
            except ProbeNotFound as error:
                return str(error)
        return reason

    @property
    def takes_model(self) -> bool:
        """Whether a model is among its inputs."""
        return any(accepted.kind in ("model", "models") for accepted in self.inputs.values())

    def opens_with(self, probes: frozenset[str]) -> bool:
        """Whether it takes a model, and one with these probes."""
        return self.takes_model and probes.issuperset(self.needs)

    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.run).parameters.values())


def panel(
    *,
    needs: tuple[str, ...] = (),
    formula: Formula | None = None,
    source: str,
    claim: str | None = None,
    shows: tuple[Callable[..., Any], ...] = (),
    sources: Sources | None = None,
    fits: Callable[[Model], object] | None = None,
) -> Callable[[F], F]:
    """Marks a function as a panel of its module's figure.

    `needs`: probes that its models must have. `source`: paper and section. `claim`: the experiment that tests it.
    `shows`: helper functions whose source belongs under "Code" beside the panel's own. `sources`: its provenance, where
    it is not one entry for each of the models; entries of the models that stand side by side come first. `fits`: raises
    ProbeNotFound for an open model that has the probes and still cannot be shown.
    """

    def mark(run: F) -> F:
        figure = run.__module__.rpartition(".")[2]
        run.__panel__ = Panel(figure, run.__name__, run, needs, formula, source, claim, shows, sources, fits)  # type: ignore[attr-defined]
        return run

    return mark


def _field(name: str, hint: Any, doc: str) -> Field:
    """What an annotation says: `Each[…]`, an array with its axes, strings with theirs, or a single value."""
    if get_origin(hint) is Annotated:
        kind, mark = get_args(hint)[:2]
        if isinstance(mark, Axes):
            return Field(name, doc, "str", mark.names, False)
        inner = _field(name, get_args(kind)[0], doc)
        return Field(name, doc, inner.dtype, inner.axes, True)
    if hasattr(hint, "dim_str"):
        return Field(name, doc, hint.dtypes[0], tuple(hint.dim_str.split()), False)
    return Field(name, doc, hint.__name__, (), False)


def _field_docs(result: type[Any]) -> dict[str, str]:
    """The string that stands under each field, by the field's name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(result)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    docs = {}
    for line, below in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            docs[line.target.id] = str(below.value.value)  # type: ignore[union-attr]
    return docs
