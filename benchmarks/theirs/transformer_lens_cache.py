"""TransformerLens' run_with_cache, and the same pass without. Runs in the peers' environment; see ../peers.py.

{"model": folder, "texts": [[ids], ...], "repeats": n} -> for each text CPU seconds of a plain pass, of one that caches
everything, of one that caches queries and keys: lists, taken in turns, on one thread. Logits of the last position only,
as ours.
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from transformer_lens.model_bridge import TransformerBridge


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    bridge = TransformerBridge.boot_transformers(asked["model"], device="cpu")
    wanted = [f"blocks.{layer}.attn.hook_{part}" for layer in range(bridge.cfg.n_layers) for part in "qk"]
    found = []
    for ids in asked["texts"]:
        row = torch.tensor([ids])
        ways: dict[str, Callable[[], object]] = {
            "plain": lambda row=row: bridge(row, logits_to_keep=1),
            "everything": lambda row=row: bridge.run_with_cache(row, logits_to_keep=1),
            "queries_keys": lambda row=row: bridge.run_with_cache(row, names_filter=wanted, logits_to_keep=1),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        with torch.inference_mode():
            for work in ways.values():
                work()
            for _ in range(asked["repeats"]):
                for name, work in ways.items():
                    times[name].append(seconds(work))
        found.append(times)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
