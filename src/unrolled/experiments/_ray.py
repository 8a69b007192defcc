"""Cells on Ray, https://docs.ray.io: a Ray of our own on 127.0.0.1, without its dashboard and its usage statistics."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unrolled.errors import MissingExtra, WorkersDied
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._work import run_one

_LOCAL = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""The second, whatever its name says, has Ray stay on 127.0.0.1 instead of the address that the network knows."""
TRIES = 3
"""Times that a cell is run again after its worker died."""


def on_ray(todo: Sequence[Cell], folder: Path, processes: int) -> Iterator[Outcome]:
    """Outcomes as they come, each cell a task of one core. Ray itself runs a killed worker's task again."""
    ray = imported_ray()
    with _started(ray, processes):
        task = ray.remote(num_cpus=1, max_retries=TRIES)(run_one)
        left = {task.remote(cell, folder): cell for cell in todo}
        while left:
            for done in ray.wait(list(left))[0]:
                cell = left.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayError as error:
                    raise WorkersDied(
                        f"Ray gave up on “{cell.title}” ({type(error).__name__}); mostly that is too little memory. "
                        "What is finished is kept: go on with fewer --processes."
                    ) from None


def imported_ray() -> Any:
    """The package; MissingExtra if it is not installed."""
    os.environ.update(_LOCAL)  # read when it is imported
    try:
        import ray
    except ImportError:
        raise MissingExtra(
            "--on ray needs one more package: pip install 'unrolled[ray]'. Without it, cells run in a pool of "
            "--processes."
        ) from None
    return ray


@contextmanager
def _started(ray: Any, processes: int) -> Iterator[None]:
    """Another Ray that may run on this machine is left alone."""
    ray.init(
        address="local",
        num_cpus=processes,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        _node_ip_address="127.0.0.1",
    )
    try:
        yield
    finally:
        ray.shutdown()
