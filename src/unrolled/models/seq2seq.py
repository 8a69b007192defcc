"""Sequence to sequence: a recurrent encoder reads the source, a recurrent decoder writes the target.

`attention` says what the decoder knows of the source:

none        Only the encoder's last state, from which the decoder starts. Sutskever et al. 2014, "Sequence to Sequence
            Learning with Neural Networks", who read the source backwards; here it is read forwards. After Cho et al.
            2014, whose decoder is fed that state at every step.
additive    At each step a mean of all encoder states, weighted by v · tanh(W s + U h) and fed to the decoder. Bahdanau
            et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", §3 and App. A: encoder
            in both directions, s₀ = tanh(W_s h) of the backward encoder's last state, a maxout layer before the output.
            It reads s_i, as eq. (4) says; App. A.2.2 writes s_{i-1}.
dot         At each step such a mean weighted by the plain product s · h, after the decoder's step and read by the
            output alone. Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation", §3.1,
            without the input feeding of §3.3.

Against all three: source, target and output share one table of embeddings, and a GRU is torch's, whose reset gate acts
after the matrix product. Padding stands at the end of a source. Read from `Seq2Seq.forward` upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.models.attention import additive_scores, masked
from unrolled.models.encoder_decoder import check_special
from unrolled.models.gru import GRULayer
from unrolled.models.linear import Linear, linear
from unrolled.models.lstm import LSTMLayer
from unrolled.models.recurrent import State, check_config

PROBES = frozenset(
    {
        *("decoder.h", "decoder.c", "decoder.gate.reset", "decoder.gate.update", "decoder.gate.candidate"),
        *("decoder.gate.input", "decoder.gate.forget", "decoder.gate.output"),
        *("memory", "attn.q", "attn.k", "attn.weights", "attn.out", "logits"),
    }
)
"""decoder.N.*, of layer N: (batch, d_hidden), once a step of the target, those that the cell has (models/gru.py and
lstm.py); memory: (batch, source, width), the encoder's top states; attn.q, attn.k: (batch, target or source, d), what
scores are made of; attn.weights: (batch, target, source); attn.out: (batch, target, width), their mean of the memory,
in additive attention one step of the target a call; logits: (batch, target, vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class Seq2SeqConfig:
    """The shape of a recurrent encoder-decoder."""

    vocabulary: int
    """Tokens in the embedding table, which source, target and output share."""
    context: int
    """Tokens of a source or a target that the model was made for; the recurrence itself has no limit."""
    n_layer: int = 1
    """Recurrent layers of the encoder, and as many of the decoder."""
    d_embed: int
    """Width of an embedding."""
    d_hidden: int
    """Width of a state; of an encoder in both directions, of each."""
    cell: Literal["gru", "lstm"] = "gru"
    """Cho et al. 2014, or Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000."""
    attention: Literal["none", "additive", "dot"] = "additive"
    """See the top of the file."""
    forget_bias: float = 1.0
    """Where the bias of an LSTM's forget gate starts (Jozefowicz et al. 2015, §3)."""
    dropout: float = 0.0
    """Share of entries set to 0 in training, between layers and never within the recurrence (Zaremba et al. 2014)."""
    pad_id: int = 0
    """Fills short texts of a batch up; nobody looks at it."""
    bos_id: int = 1
    """The decoder's first token."""
    eos_id: int = 2
    """Ends a source and a target."""

    def __post_init__(self) -> None:
        check_config(self)
        check_special(self)


@dataclass(frozen=True)
class Memory:
    """What the encoder made of the source."""

    states: Tensor
    """(batch, source, width): of the top layer, both directions one after the other."""
    keys: Tensor
    """(batch, source, d): what a decoder's state is compared with; without attention nothing wide."""
    mask: Tensor
    """(batch, source): True where a token is real."""
    start: Sequence[State]
    """Where each of the decoder's layers starts."""

    def select(self, rows: Tensor) -> Memory:
        """Row i is what was row rows[i]."""
        start = [tuple(part[rows] for part in state) for state in self.start]
        return Memory(self.states[rows], self.keys[rows], self.mask[rows], start)


class Carried:
    """The decoder's state after the target read so far."""

    def __init__(self) -> None:
        self.length = 0
        self.layers: Sequence[State] = ()

    def select(self, rows: Tensor) -> None:
        """Row i goes on from what row rows[i] has read."""
        self.layers = [tuple(part[rows] for part in state) for state in self.layers]


class Encoder(nn.Module):
    """Recurrent layers over the source, each text read to its own end."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.both, d = config.attention == "additive", config.d_hidden
        rnn = nn.GRU if config.cell == "gru" else nn.LSTM
        drop = config.dropout if config.n_layer > 1 else 0.0  # between layers
        self.rnn = rnn(config.d_embed, d, config.n_layer, batch_first=True, bidirectional=self.both, dropout=drop)
        self.start = nn.ModuleList(Linear(d, d) for _ in range(config.n_layer if self.both else 0))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, list[State]]:
        """x (batch, n, d_embed), mask (batch, n) -> states (batch, n, width), 0 in the padding; the decoder's start."""
        assert bool((mask[:, 1:] <= mask[:, :-1]).all()), "padding stands at the end"
        packed = pack_padded_sequence(x, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        states, last = self.rnn(packed)
        last = last if isinstance(last, tuple) else (last,)  # each (layer × direction, batch, d_hidden)
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
        if not self.both:
            return states, [tuple(part[i] for part in last) for i in range(len(last[0]))]
        backward = [tuple(part[i] for part in last) for i in range(1, len(last[0]), 2)]
        return states, [(start(h).tanh(), *c) for start, (h, *c) in zip(self.start, backward, strict=True)]


class Additive(nn.Module):
    """Additive attention. Bahdanau et al. 2015, App. A.1.2."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        d = config.d_hidden
        self.query, self.key = Linear(d, d, bias=False), Linear(2 * d, d, bias=False)
        self.vector = nn.Parameter(torch.zeros(d))
        self.q, self.k, self.weights, self.out = nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity()

    def keys(self, states: Tensor) -> Tensor:
        """U h: states (batch, source, 2 d_hidden) -> (batch, source, d_hidden)."""
        return self.k(self.key(states))  # type: ignore[no-any-return]

    def forward(self, h: Tensor, memory: Memory) -> Tensor:
        """h (batch, target, d_hidden) -> (batch, target, 2 d_hidden)."""
        scores = additive_scores(self.q(self.query(h)), memory.keys, self.vector)
        weights = self.weights(masked(scores, memory.mask[:, None]).softmax(dim=-1))  # (batch, target, source)
        return self.out(weights @ memory.states)  # type: ignore[no-any-return]


class Dot(nn.Module):
    """Dot attention over the whole source, not scaled. Luong et al. 2015, §3.1."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.weights, self.out = nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity()

    def keys(self, states: Tensor) -> Tensor:
        """The states themselves: (batch, source, d_hidden)."""
        return self.k(states)  # type: ignore[no-any-return]

    def forward(self, h: Tensor, memory: Memory) -> Tensor:
        """h (batch, target, d_hidden) -> the same shape."""
        scores = self.q(h) @ memory.keys.transpose(1, 2)
        weights = self.weights(masked(scores, memory.mask[:, None]).softmax(dim=-1))  # (batch, target, source)
        return self.out(weights @ memory.states)  # type: ignore[no-any-return]


class Seq2Seq(nn.Module):
    """The whole model: one table of embeddings, encoder, decoder, attention, and what stands before the output."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.config = config
        e, d = config.d_embed, config.d_hidden
        fed = e + 2 * d if config.attention == "additive" else e
        read = {"none": (d, e), "additive": (d + e + 2 * d, 2 * e), "dot": (2 * d, e)}[config.attention]
        self.embed, self.drop = nn.Embedding(config.vocabulary, e), nn.Dropout(config.dropout)
        self.encoder = Encoder(config)
        layer = GRULayer if config.cell == "gru" else LSTMLayer
        self.decoder = nn.ModuleList(layer(d if below else fed, d) for below in range(config.n_layer))
        self.attn = make_attention(config)
        self.readout = Linear(*read)
        self.memory, self.logits = nn.Identity(), nn.Identity()

    def forward(self, source: Tensor, target: Tensor, *, source_mask: Tensor | None = None) -> Tensor:
        """source (batch, n), target (batch, m) beginning with bos -> logits (batch, m, vocabulary) of what follows.

        source_mask (batch, n): True where a token is real; where it is not given, all but `pad_id` is.
        """
        return self.decode(target, self.encode(source, source_mask))

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Memory:
        """source (batch, n) -> its states, for `decode`."""
        mask = source != self.config.pad_id if mask is None else mask
        states, start = self.encoder(self.drop(self.embed(source)), mask)
        states = self.memory(states)
        keys = states[..., :0] if self.attn is None else self.attn.keys(states)
        return Memory(states, keys, mask, start)

    def decode(self, target: Tensor, memory: Memory, cache: Carried | None = None) -> Tensor:
        """target (batch, m), after what `cache` holds -> logits (batch, m, vocabulary)."""
        x = self.drop(self.embed(target))  # (batch, m, d_embed)
        layers = cache.layers if cache is not None and cache.length else memory.start
        if isinstance(self.attn, Additive):
            read, layers = self.looking_first(x, memory, layers)
        elif isinstance(self.attn, Dot):
            h, layers = self.through(x, layers)
            read = self.readout(torch.cat((self.attn(h, memory), h), dim=-1)).tanh()
        else:
            h, layers = self.through(x, layers)
            read = self.readout(h)
        if cache is not None:
            cache.layers, cache.length = layers, cache.length + target.shape[1]
        return self.logits(linear(self.drop(read), self.embed.weight))  # type: ignore[no-any-return]

    def looking_first(self, x: Tensor, memory: Memory, layers: Sequence[State]) -> tuple[Tensor, Sequence[State]]:
        """Bahdanau's decoder: each step looks at the source from the state before it, and is fed what it saw."""
        assert isinstance(self.attn, Additive)
        seen = []
        for step in torch.split(x, 1, dim=1):
            context = self.attn(layers[-1][0][:, None], memory)  # (batch, 1, 2 d_hidden)
            h, layers = self.through(torch.cat((step, context), dim=-1), layers)
            seen.append(torch.cat((h, step, context), dim=-1))
        maxout: Tensor = self.readout(torch.cat(seen, dim=1)).unflatten(-1, (-1, 2)).amax(dim=-1)
        return maxout, layers

    def through(self, x: Tensor, layers: Sequence[State]) -> tuple[Tensor, Sequence[State]]:
        """All layers over x (batch, n, …) -> h of the top one (batch, n, d_hidden), the states after it."""
        after = []
        for number, layer in enumerate(self.decoder):
            x, state = layer(self.drop(x) if number else x, layers[number])
            after.append(state)
        return x, after

    def new_cache(self) -> Carried:
        """For `decode` step by step."""
        return Carried()

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Recurrent matrices orthogonal, gate by gate, and v at 0, so that attention starts even (Bahdanau et al. 2015,
        App. B); others Xavier uniform (Glorot & Bengio 2010); biases 0 but the forget gate's; embeddings from
        N(0, 1/d_embed)."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                parameter.zero_()
                if self.config.cell == "lstm" and ".bias_ih" in name:
                    parameter.chunk(4)[1].fill_(self.config.forget_bias)
            elif name == "embed.weight":
                parameter.normal_(0.0, self.config.d_embed**-0.5, generator=generator)
            else:
                start = nn.init.orthogonal_ if ".weight_hh" in name else nn.init.xavier_uniform_
                gates = torch.split(parameter, self.config.d_hidden) if ".weight_" in name else [parameter]
                for gate in gates:
                    start(gate, generator=generator)


def make_attention(config: Seq2SeqConfig) -> Additive | Dot | None:
    """The config's attention, if it has one."""
    if config.attention == "additive":
        return Additive(config)
    return Dot() if config.attention == "dot" else None
