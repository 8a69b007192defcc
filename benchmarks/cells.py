"""One measurement of `experiments`, in a process of its own: python cells.py pool|ray PROCESSES

Prints two numbers as JSON. Seconds until the first cell is finished, and seconds a cell from there to the last.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["UNROLLED_CLAIMS"] = str(Path(__file__).parent / "claims")

from unrolled.experiments._catalogue import claim  # (the folder is named first; workers are told by it too)
from unrolled.experiments._running import run_cells


def main() -> None:
    on, processes = sys.argv[1], int(sys.argv[2])
    cells = claim("load").plan("full", 1)
    begun, times = time.perf_counter(), []
    with tempfile.TemporaryDirectory(prefix="unrolled-bench-") as folder:
        for ran in run_cells(cells, Path(folder), processes, "ray" if on == "ray" else "pool"):
            assert not ran.outcome.failed, ran.outcome.failed
            times.append(time.perf_counter() - begun)
    # The first `processes` cells began together; from then on one is finished after the other.
    steady = (times[-1] - times[processes - 1]) / (len(cells) - processes)
    print(json.dumps({"start": times[0], "cell": steady}))


if __name__ == "__main__":
    main()
