"""Shapes that were published, by name: what a paper says of layers, widths and heads, as configs of our families.

Nothing is loaded for them. Where two papers' tables were rounded or do not add up, `said` is what they print and the
config is what can be built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from unrolled.models.gpt import GPT2, GPT2_LARGE, GPT2_MEDIUM, GPT2_XL, GPT3, GPTConfig, gpt2_shape
from unrolled.models.transformer import BASE, BIG, TransformerConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One published shape."""

    title: str
    year: int
    family: str
    """A key of `models.families.FAMILIES`."""
    config: GPTConfig | TransformerConfig
    said: str
    """Parameters as the source prints them."""
    source: str
    """Paper and table; what is not in the paper, and where it is from."""


def llama_shape(n_layer: int, n_head: int, d_model: int, d_ff: int) -> GPTConfig:
    """A LLaMA of 2023: RMSNorm, SwiGLU, rotary positions, no biases, a head of its own. Touvron et al. 2023, §2.2.

    The paper gives the hidden width as two thirds of 4 d_model; the released weights round it up to a multiple of 256.
    """
    return GPTConfig(
        vocabulary=32_000,
        context=2048,
        n_layer=n_layer,
        n_head=n_head,
        n_key_value=n_head,
        d_model=d_model,
        d_head=d_model // n_head,
        d_ff=d_ff,
        norm="rmsnorm",
        positions="rope",
        activation="swiglu",
        tied=False,
    )


GPT1 = replace(gpt2_shape(12, 12, 768, vocabulary=40_478, context=512), norm_place="post")
"""Radford et al. 2018, §4.1: 12 layers, 768 wide, 12 heads, context 512, after Vaswani et al. The vocabulary is that of
the released weights: 40,000 merges, the letters, and what marks the text's ends."""

_GPT2 = "Radford et al. 2019, Table 2"
_GPT3 = "Brown et al. 2020, Table 2.1"
_LLAMA = "Touvron et al. 2023, Table 2; hidden width as released"


def _gpt3(n_layer: int, n_head: int, d_model: int) -> GPTConfig:
    return gpt2_shape(n_layer, n_head, d_model, context=2048)


def _preset(title: str, year: int, config: GPTConfig | TransformerConfig, said: str, source: str) -> Preset:
    family = "gpt" if isinstance(config, GPTConfig) else "transformer"
    return Preset(title=title, year=year, family=family, config=config, said=said, source=source)


PRESETS: Mapping[str, Preset] = {
    "transformer-base": _preset("Transformer base", 2017, BASE, "65 M", "Vaswani et al. 2017, Table 3"),
    "transformer-big": _preset("Transformer big", 2017, BIG, "213 M", "Vaswani et al. 2017, Table 3"),
    "gpt-1": _preset("GPT-1", 2018, GPT1, "117 M", "Radford et al. 2018, §4.1; vocabulary as released"),
    "gpt-2": _preset("GPT-2 small", 2019, GPT2, "117M", _GPT2),
    "gpt-2-medium": _preset("GPT-2 medium", 2019, GPT2_MEDIUM, "345M", _GPT2),
    "gpt-2-large": _preset("GPT-2 large", 2019, GPT2_LARGE, "762M", _GPT2),
    "gpt-2-xl": _preset("GPT-2 XL", 2019, GPT2_XL, "1542M", _GPT2),
    "gpt-3-small": _preset("GPT-3 Small", 2020, _gpt3(12, 12, 768), "125M", _GPT3),
    "gpt-3-medium": _preset("GPT-3 Medium", 2020, _gpt3(24, 16, 1024), "350M", _GPT3),
    "gpt-3-large": _preset("GPT-3 Large", 2020, _gpt3(24, 16, 1536), "760M", _GPT3),
    "gpt-3-2.7b": _preset("GPT-3 2.7B", 2020, _gpt3(32, 32, 2560), "2.7B", _GPT3),
    "gpt-3-6.7b": _preset("GPT-3 6.7B", 2020, _gpt3(32, 32, 4096), "6.7B", _GPT3),
    "gpt-3": _preset("GPT-3 175B", 2020, GPT3, "175.0B", _GPT3),
    "llama-7b": _preset("LLaMA 7B", 2023, llama_shape(32, 32, 4096, 11_008), "6.7B", _LLAMA),
    "llama-65b": _preset("LLaMA 65B", 2023, llama_shape(80, 64, 8192, 22_016), "65.2B", _LLAMA),
}
"""Of GPT-3's eight rows two are left out: XL and 13B, whose heads times their width do not give the printed d_model."""
