"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="Where models run: cpu, cuda or mps.")]
Dtype = Annotated[str, typer.Option(help="Numbers they run in: float32, bfloat16, float16 or float64.")]
Port = Annotated[int, typer.Option(help="Port; 0 takes any that is free.")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Name or path of a model.", show_default=False)]
ModelNames = Annotated[
    list[str] | None, typer.Option("--model", help="Name or path of a model; may be given several times.")
]
RunNames = Annotated[
    list[str] | None, typer.Option("--run", help="Name or folder of a training run; may be given several times.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Weights = Annotated[
    str | None,
    typer.Option(help="int8: rounded to eight bits, quicker on a CPU and not exact; `score` says what it costs."),
]
