"""Tiny encoder-decoders over bytes, with weights large enough for attention to have opinions."""

from __future__ import annotations

import torch

from unrolled.checkpoints import Model
from unrolled.checkpoints.pairs import pair_model
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqConfig
from unrolled.models.transformer import Transformer, TransformerConfig
from unrolled.text import Tokenizer, byte_tokenizer
from unrolled.text.vocabularies import PAIRS

KINDS = ("transformer", "none", "additive", "dot")
SPECIAL = {"pad_id": 256, "bos_id": 257, "eos_id": 258}  # as in `tokenizer()`


def tokenizer() -> Tokenizer:
    return byte_tokenizer(special=PAIRS)


def ours(kind: str, **changes: object) -> Seq2Seq | Transformer:
    """Weights of standard deviation 0.5, norms' around 1."""
    if kind == "transformer":
        shape = {"n_layer": 2, "n_head": 4, "d_model": 16, "d_ff": 24} | changes
        module: Seq2Seq | Transformer = Transformer(TransformerConfig(vocabulary=259, context=64, **SPECIAL, **shape))
    else:
        shape = {"n_layer": 2, "d_embed": 8, "d_hidden": 8, "attention": kind} | changes
        module = Seq2Seq(Seq2SeqConfig(vocabulary=259, context=64, **SPECIAL, **shape))
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.normal_(float(".norm." in name and name.endswith("weight")), 0.5, generator=random)
    return module.eval()


def opened(kind: str, **changes: object) -> Model:
    """In float64, as opened from a folder."""
    return pair_model(ours(kind, **changes).double(), tokenizer(), name=kind, architecture=kind, sha256=None)
