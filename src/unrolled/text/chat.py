"""A checkpoint's chat template, run where it can do no harm.

Templates are Jinja2 programs that come with the weights. They run in Jinja's immutable sandbox, without clock, files or
tools, and are given a mark in place of the reader's words: what is typed can never become a part of the template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Never

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from unrolled.errors import UnsupportedModel

MARK = "\ue000the reader's words\ue001"


def render(template: str, special: Mapping[str, str]) -> list[str]:
    """The prompt up to the assistant's turn, cut where the reader's words belong: at least two pieces of template.

    `special` holds bos_token, eos_token and so on, as templates name them.
    """
    try:
        prompt = (
            _environment()
            .from_string(template)
            .render(messages=[{"role": "user", "content": MARK}], add_generation_prompt=True, **special)
        )
    except Exception as error:  # a program from the checkpoint may raise anything
        raise UnsupportedModel(f"The model's chat template does not run: {error}. Use plain text.") from error
    pieces = prompt.split(MARK)
    if len(pieces) < 2:
        raise UnsupportedModel("The model's chat template leaves out what the user says. Use plain text.")
    return pieces


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> Never:
    raise TemplateError(message)
