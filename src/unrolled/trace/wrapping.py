"""The reader's own module as a `Model`, and a report of what was found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import models, pre_tokenizers
from torch import Tensor, nn

from unrolled.checkpoints.gpt import gpt_model
from unrolled.checkpoints.model import Model, Readout
from unrolled.checkpoints.output import logits_in, logits_of
from unrolled.checkpoints.readout import blocks_of, fitted_readout
from unrolled.errors import BadInput, ProbeNotFound
from unrolled.models.gpt import GPT
from unrolled.models.weighing import Heard
from unrolled.text import Tokenizer
from unrolled.trace.own import OwnEar

_N_TRIED = 8  # tokens that a module of unknown make is tried with
_CONTEXT_NAMES = ("context", "block_size", "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_LONGEST = 4096  # tokens, where a module does not say
_RECURRENT = (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in a model, and what was not."""

    name: str
    probes: frozenset[str]
    """Figures are opened by these."""
    found: tuple[str, ...]
    """A sentence each."""
    missing: Mapping[str, str]
    """Probe -> why it is not there."""

    def __str__(self) -> str:
        lines = [f"{self.name} has the probes {', '.join(sorted(self.probes)) or 'none'}.", *self.found]
        return "\n".join([*lines, *(f"No {probe!r}: {why}" for probe, why in self.missing.items())])


def wrap(module: nn.Module, *, tokenizer: Any = None, name: str = "", context: int | None = None) -> Model:
    """A Model over a module that is called with token ids (1, n), for example one that the reader has trained.

    `tokenizer`: of this package, of `tokenizers`, or of transformers; without one a text is token numbers with spaces.
    `context`: tokens it reads at most, where it does not say. The module is set to eval(). BadInput, ProbeNotFound.
    """
    name = name or type(module).__name__
    module.eval()
    with torch.no_grad():
        if isinstance(module, GPT):
            read = _tokenizer(tokenizer, module.config.vocabulary)
            return gpt_model(module, read, name=name, architecture="gpt", sha256=None)
        if _is_hub(module):
            return _hub(module, tokenizer, name, context)
        return _own(module, tokenizer, name, context)


def report(module: nn.Module | Model) -> Report:
    """Which probes were found, and why the others were not."""
    model = module if isinstance(module, Model) else wrap(module)
    found = []
    for kind, (n_layer, n_head) in (model.ear.sizes if model.ear is not None else {}).items():
        found.append(f"{n_layer} attentions of the kind {kind!r} with {n_head} heads each can be recorded.")
    if model.readout is not None:
        found.append(f"{len(model.blocks)} blocks, a final norm and a head give its logits.")
    recurrent = [path for path, part in model.module.named_modules() if isinstance(part, _RECURRENT)]
    if recurrent:
        parts = ", ".join(recurrent[:4])
        found.append(f"Recurrent parts ({parts}) run in torch's fused kernel, which shows neither states nor gates.")
    missing = {probe: model.why.get(probe, _WHY[probe]) for probe in _WHY if probe not in model.probes}
    return Report(name=model.name, probes=model.probes, found=tuple(found), missing=missing)


_WHY = {
    "attn": "no attention was heard; those that call torch.nn.functional.scaled_dot_product_attention or are an"
    " nn.MultiheadAttention are.",
    "resid": "no list of blocks (nn.ModuleList), final norm and linear head were found that give its logits.",
    "logits": "it does not say what comes next: it gives no logits (1, n, vocabulary), or earlier ones depend on later"
    " tokens.",
}


def _is_hub(module: nn.Module) -> bool:
    """Without importing transformers, which is slow, for a module that has nothing to do with it."""
    return any(kind.__module__.startswith("transformers.") for kind in type(module).__mro__)


def _hub(module: Any, tokenizer: Any, name: str, context: int | None) -> Model:
    from unrolled.checkpoints.foreign import foreign_model, kinds_of
    from unrolled.checkpoints.headers import context_of
    from unrolled.checkpoints.huggingface import hub_reader

    decodes = kinds_of(module.config) == ("self",)
    if decodes and module.get_output_embeddings() is None:
        raise BadInput(f"{name} has no head that gives logits: open its …ForCausalLM form.")
    return foreign_model(
        module,
        hub_reader(name, module) if decodes else None,
        name=name,
        tokenizer=_tokenizer(tokenizer, module.get_input_embeddings().weight.shape[0]),
        context=context or context_of(module.config.to_dict()) or _LONGEST,
        sha256=None,
    )


class OwnReader:
    """A module that reads a text in one go."""

    chunked = False

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def new_cache(self) -> NoCache:
        return NoCache()

    def read(self, ids: Tensor, cache: object) -> Tensor:
        return logits_of(self._module, ids)[0, -1]


class NoCache:
    """Nothing is kept."""

    length = 0
    n_bytes = 0

    def crop(self, length: int) -> None:
        """There is nothing to forget."""


def _own(module: nn.Module, tokenizer: Any, name: str, context: int | None) -> Model:
    table = next((part for part in module.modules() if isinstance(part, nn.Embedding)), None)
    if table is None:
        raise BadInput(f"{name} has no nn.Embedding, so it does not read tokens: a module called with ids (1, n) goes.")
    ids = torch.arange(_N_TRIED, device=table.weight.device)[None] % table.num_embeddings
    try:
        logits = logits_in(module(ids))
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise BadInput(f"{name} does not run on token ids of shape (1, {_N_TRIED}): {said}.") from error
    vocabulary = logits.shape[2] if logits is not None else table.num_embeddings
    ear, why = _fitted(module, ids)
    says_next = logits is not None and _is_causal(module, ids, ear)
    if ear is not None and not says_next:
        ear.sizes, ear.kinds = {"encoder": ear.sizes["self"]}, ("encoder",)
    blocks = blocks_of(module)
    readout = _readout(module, blocks, ids, vocabulary) if says_next else None
    has = {"attn": ear is not None, "logits": says_next, "resid": readout is not None}
    return Model(
        name=name,
        architecture=type(module).__name__,
        module=module,
        reader=OwnReader(module) if says_next else None,
        blocks=blocks,
        ear=ear,
        readout=readout,
        why={"attn": why} if why else {},
        tokenizer=_tokenizer(tokenizer, table.num_embeddings),
        probes=frozenset(probe for probe, there in has.items() if there),
        context=context or _said_context(module) or _tried_context(module, table),
        vocabulary=vocabulary,
        sha256=None,
    )


def _fitted(module: nn.Module, ids: Tensor) -> tuple[OwnEar | None, str]:
    heard: list[Heard] = []
    ear = OwnEar(module)
    try:
        ear.forward(ids, None, None, heard.append)
    except ProbeNotFound as error:
        return None, str(error)
    if not heard:
        return None, ""
    if {each.attention.n_head for each in heard} != {heard[0].attention.n_head}:
        return None, "its attentions have different numbers of heads, which is not understood here."
    ear.sizes = {"self": (len(heard), heard[0].attention.n_head)}
    return ear, ""


def _is_causal(module: nn.Module, ids: Tensor, ear: OwnEar | None) -> bool:
    """Whether another last token leaves what is said before it as it was."""
    before = logits_of(module, ids)
    if before.shape[1] == 1 and ids.shape[1] > 1:  # it gives the last position's only
        return ear is None or _all_causal(ear, ids)
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % max(2, int(ids.max()) + 1)
    after = logits_in(module(other))
    return after is not None and torch.allclose(before[:, :-1], after[:, :-1], rtol=1e-4, atol=1e-5)


def _all_causal(ear: OwnEar, ids: Tensor) -> bool:
    heard: list[Heard] = []
    ear.forward(ids, None, None, heard.append)
    return all(each.attention.causal for each in heard)


def _readout(module: nn.Module, blocks: Sequence[nn.Module], ids: Tensor, vocabulary: int) -> Readout | None:
    heads = [part for part in module.modules() if isinstance(part, nn.Linear) and part.out_features == vocabulary]

    return fitted_readout(module, blocks, lambda: logits_of(module, ids), heads)


def _said_context(module: nn.Module) -> int | None:
    for said in (module, getattr(module, "config", None)):
        for name in _CONTEXT_NAMES:
            value = getattr(said, name, None)
            if isinstance(value, int) and value > 0:
                return value
    return None


def _tried_context(module: nn.Module, table: nn.Embedding) -> int:
    """Where its tables of positions and masks end: the first of their lengths that runs while one token more does not.

    On an accelerator an index beyond a table is no exception but an end of everything: there it is not tried."""
    if table.weight.device.type != "cpu":
        return _LONGEST
    for length in sorted(size for size in _lengths(module, table) if _N_TRIED <= size < _LONGEST):
        if not _runs(module, table, length + 1):
            return length if _runs(module, table, length) else _LONGEST
    return _LONGEST


def _lengths(module: nn.Module, table: nn.Embedding) -> set[int]:
    """What may belong to places in the text: other tables, buffers, and parameters that lie in no part of torch's."""
    found = {part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding) and part is not table}
    for part in module.modules():
        own = () if type(part).__module__.startswith("torch.nn") else part.parameters(recurse=False)
        found |= {size for tensor in (*own, *part.buffers(recurse=False)) for size in tensor.shape}
    return found


def _runs(module: nn.Module, table: nn.Embedding, n: int) -> bool:
    try:
        module(torch.arange(n, device=table.weight.device)[None] % table.num_embeddings)
    except (RuntimeError, IndexError, ValueError, AssertionError):
        return False
    return True


def _tokenizer(said: Any, n: int) -> Tokenizer:
    """Ours, over what was given; of numbers, if nothing was."""
    if isinstance(said, Tokenizer):
        return said
    if said is None:
        tk = tokenizers.Tokenizer(models.WordLevel({str(i): i for i in range(n)}, unk_token="0"))
        tk.pre_tokenizer = pre_tokenizers.Whitespace()
        return Tokenizer.from_tokenizers(tk)
    if isinstance(said, (str, Path)):
        try:
            said = tokenizers.Tokenizer.from_file(str(said))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise BadInput(f"The tokenizer “{said}” cannot be read: {error}.") from None
    inner = getattr(said, "backend_tokenizer", said)
    if not isinstance(inner, tokenizers.Tokenizer):
        raise BadInput(
            f"A {type(said).__name__} is no tokenizer that is understood; those of `tokenizers` and fast ones are."
        )
    copied = tokenizers.Tokenizer.from_str(inner.to_str())
    ends = [i for i in (getattr(said, "eos_token_id", None),) if isinstance(i, int)]
    return Tokenizer.from_tokenizers(copied, bos_id=getattr(said, "bos_token_id", None), eos_ids=ends)
