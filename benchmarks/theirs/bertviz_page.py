"""BertViz's head or model view of a text as an html file. Runs in the peers' environment; see ../peers.py.

{"model": folder, "ids": [...], "tokens": [...], "view": "head_view" or "model_view", "into": file} -> seconds after the
forward pass, bytes written, peak memory of the process.
"""

import json
import resource
import sys
import time
from pathlib import Path

import bertviz
import torch
from transformers import AutoModelForCausalLM


def main() -> None:
    asked = json.loads(sys.argv[1])
    model = AutoModelForCausalLM.from_pretrained(asked["model"], attn_implementation="eager").eval()
    with torch.inference_mode():
        attentions = model(torch.tensor([asked["ids"]]), output_attentions=True, logits_to_keep=1).attentions
    begun = time.perf_counter()
    show = getattr(bertviz, asked["view"])
    page = show(attentions, asked["tokens"], html_action="return")
    written = Path(asked["into"]).write_text(f"<!doctype html><meta charset=utf-8>{page.data}", encoding="utf-8")
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "bytes": written, "peak": peak}))


if __name__ == "__main__":
    main()
