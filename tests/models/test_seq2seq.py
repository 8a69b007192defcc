"""Sequence to sequence against the papers' formulas, written out here one text and one step at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from unrolled.models import attention, seq2seq
from unrolled.models.seq2seq import PROBES, Additive, Dot, Seq2Seq, Seq2SeqConfig

SOURCE = torch.randint(3, 20, (3, 8), generator=torch.Generator().manual_seed(1))
LENGTHS = (5, 8, 3)
MASK = torch.arange(8) < torch.tensor(LENGTHS)[:, None]
TARGET = torch.randint(3, 20, (3, 6), generator=torch.Generator().manual_seed(2))
KINDS = [(a, c, n) for a in ("none", "additive", "dot") for c in ("gru", "lstm") for n in (1, 2)]


def strong(kind: str, cell: str, n_layer: int = 1, **changes: object) -> Seq2Seq:
    """All weights of standard deviation 0.5."""
    shape = {"vocabulary": 20, "context": 16, "d_embed": 6, "d_hidden": 5} | changes
    model = Seq2Seq(Seq2SeqConfig(**shape, n_layer=n_layer, cell=cell, attention=kind)).double()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5, generator=random)
    return model


def stepped(rnn: nn.Module, suffix: str, x: Tensor, state: list[Tensor]) -> list[Tensor]:
    """x (d_in,), h and c (d,) -> the next. Cho et al. 2014, as torch documents it; Gers et al. 2000."""
    w, u = getattr(rnn, f"weight_ih_{suffix}"), getattr(rnn, f"weight_hh_{suffix}")
    a = torch.einsum("oi,i->o", w, x) + getattr(rnn, f"bias_ih_{suffix}")
    b = torch.einsum("oi,i->o", u, state[0]) + getattr(rnn, f"bias_hh_{suffix}")
    if isinstance(rnn, nn.GRU):
        (ar, az, an), (br, bz, bn) = a.chunk(3), b.chunk(3)
        r, z = torch.sigmoid(ar + br), torch.sigmoid(az + bz)
        return [z * state[0] + (1 - z) * torch.tanh(an + r * bn)]
    i, f, g, o = (a + b).chunk(4)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def read(rnn: nn.Module, suffix: str, xs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """One layer in one direction over a text -> all h, the last state."""
    zero = torch.zeros(5, dtype=torch.float64)
    state, seen = [zero] if isinstance(rnn, nn.GRU) else [zero, zero], []
    for x in xs:
        state = stepped(rnn, suffix, x, state)
        seen.append(state[0])
    return seen, state


def encoded(model: Seq2Seq, source: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
    """A text without padding -> annotations h_j, the decoder's first states."""
    xs, starts = [model.embed.weight[i] for i in source], []
    for layer in range(model.config.n_layer):
        forward, state = read(model.encoder.rnn, f"l{layer}", xs)
        if model.config.attention == "additive":
            backward, state = read(model.encoder.rnn, f"l{layer}_reverse", xs[::-1])
            bridge = model.encoder.start[layer]
            state = [torch.tanh(bridge.weight @ state[0] + bridge.bias), *state[1:]]
            forward = [torch.cat(both) for both in zip(forward, backward[::-1], strict=True)]
        starts.append(state)
        xs = forward
    return xs, starts


def theirs(model: Seq2Seq, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
    """One text without padding -> logits (target, vocabulary), alignments (target, source)."""
    kind, table = model.config.attention, model.embed.weight
    annotations, states = encoded(model, source)
    logits, aligned = [], []
    for token in target:
        y = table[token]
        x, weights = y, None
        if kind == "additive":  # from the state before this step
            energies = [
                model.attn.vector @ torch.tanh(model.attn.query.weight @ states[-1][0] + model.attn.key.weight @ h)
                for h in annotations
            ]
            weights = torch.stack(energies).exp() / torch.stack(energies).exp().sum()
            context = sum(w * h for w, h in zip(weights, annotations, strict=True))
            x = torch.cat([y, context])
        for layer in range(model.config.n_layer):
            states[layer] = stepped(model.decoder[layer], "l0", x, states[layer])
            x = states[layer][0]
        s = states[-1][0]
        if kind == "dot":  # from the state after it
            energies = torch.stack([s @ h for h in annotations])
            weights = energies.exp() / energies.exp().sum()
            context = sum(w * h for w, h in zip(weights, annotations, strict=True))
        before = [s] if kind == "none" else [context, s] if kind == "dot" else [s, y, context]
        out = model.readout.weight @ torch.cat(before) + model.readout.bias
        if kind == "dot":
            out = torch.tanh(out)
        elif kind == "additive":
            out = torch.stack([torch.maximum(out[2 * i], out[2 * i + 1]) for i in range(6)])  # maxout
        logits.append(table @ out)
        aligned.append(weights)
    return torch.stack(logits), None if kind == "none" else torch.stack(aligned)


def all_theirs(model: Seq2Seq) -> Tensor:
    return torch.stack([theirs(model, SOURCE[i, :n], TARGET[i])[0] for i, n in enumerate(LENGTHS)])


@pytest.mark.parametrize(("kind", "cell", "n_layer"), KINDS)
def test_logits_and_gradients_are_the_papers(kind: str, cell: str, n_layer: int) -> None:
    model = strong(kind, cell, n_layer)
    mine, wanted = model(SOURCE, TARGET, source_mask=MASK), all_theirs(model)
    assert_close(mine, wanted)
    assert mine.std() > 0.3
    parameters = list(model.parameters())
    some = torch.randn(mine.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    for (name, _), a, b in zip(
        model.named_parameters(),
        torch.autograd.grad((mine * some).sum(), parameters),
        torch.autograd.grad((wanted * some).sum(), parameters),
        strict=True,
    ):
        assert_close(a, b, msg=lambda said, name=name: f"{name}: {said}")


@pytest.mark.parametrize("kind", ["additive", "dot"])
@torch.no_grad()
def test_alignments_are_the_papers(kind: str) -> None:
    model, heard = strong(kind, "gru"), list[Tensor]()
    model.attn.weights.register_forward_hook(lambda _m, _i, out: heard.append(out))
    model(SOURCE, TARGET, source_mask=MASK)
    weights = torch.cat(heard, dim=1)
    assert weights.shape == (3, 6, 8)
    for row, n in enumerate(LENGTHS):
        assert_close(weights[row, :, :n], theirs(model, SOURCE[row, :n], TARGET[row])[1])
        assert weights[row, :, n:].eq(0).all()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("both", [False, True])
@torch.no_grad()
def test_the_encoder_is_torchs_over_packed_texts(cell: str, both: bool) -> None:
    model = strong("additive" if both else "none", cell, 2)
    rnn = (nn.GRU if cell == "gru" else nn.LSTM)(6, 5, 2, batch_first=True, bidirectional=both).double()
    rnn.load_state_dict(model.encoder.rnn.state_dict())
    packed = pack_padded_sequence(model.embed(SOURCE), LENGTHS, batch_first=True, enforce_sorted=False)
    states, last = rnn(packed)
    memory = model.encode(SOURCE, MASK)
    assert_close(memory.states, pad_packed_sequence(states, batch_first=True)[0])
    if not both:
        h = last if cell == "gru" else last[0]
        assert_close(torch.stack([state[0] for state in memory.start]), h)


def linear_scores(query: Tensor, key: Tensor, v: Tensor) -> Tensor:
    return (query.unsqueeze(-2) + key.unsqueeze(-3)) @ v


def over_padding(scores: Tensor, mask: Tensor) -> Tensor:
    return scores


def scaled(self: Dot, h: Tensor, memory: seq2seq.Memory) -> Tensor:
    return attend_dot(self, h / h.shape[-1] ** 0.5, memory)


def unfed(self: Additive, h: Tensor, memory: seq2seq.Memory) -> Tensor:
    return attend_additive(self, h, memory) * 0


def from_the_other_end(self: seq2seq.Encoder, x: Tensor, mask: Tensor) -> object:
    states, start = encode(self, x, mask)
    return states, [tuple(part.flip(-1) for part in state) for state in start]


def unbridged(self: seq2seq.Encoder, x: Tensor, mask: Tensor) -> object:
    states, start = encode(self, x, mask)
    return states, [(torch.atanh(h), *c) for h, *c in start]


attend_dot, attend_additive, encode = Dot.forward, Additive.forward, seq2seq.Encoder.forward
TWINS = [
    ("additive", "additive_scores", linear_scores),
    ("additive", "masked", over_padding),
    ("additive", "Additive.forward", unfed),
    ("additive", "Encoder.forward", unbridged),
    ("dot", "masked", over_padding),
    ("dot", "Dot.forward", scaled),
    ("none", "Encoder.forward", from_the_other_end),
]


@pytest.mark.parametrize(("kind", "name", "twin"), TWINS, ids=[f"{kind}-{twin.__name__}" for kind, _, twin in TWINS])
@torch.no_grad()
def test_a_broken_formula_is_noticed(monkeypatch, kind: str, name: str, twin: object) -> None:
    model = strong(kind, "gru")
    wanted = all_theirs(model)
    monkeypatch.setattr(f"unrolled.models.seq2seq.{name}", twin)
    assert (model(SOURCE, TARGET, source_mask=MASK) - wanted).abs().max() > 0.1


@torch.no_grad()
def test_additive_scores_have_a_closed_form() -> None:
    query, key = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, -1.0], [torch.inf, 0.0]])
    assert_close(
        attention.additive_scores(query, key, torch.tensor([3.0, 2.0])), torch.tensor([[0.0, 3 + 2 * 0.76159416]])
    )


@pytest.mark.parametrize(("kind", "cell", "n_layer"), KINDS)
@torch.no_grad()
def test_what_stands_in_the_padding_changes_nothing(kind: str, cell: str, n_layer: int) -> None:
    model = strong(kind, cell, n_layer)
    whole = model(SOURCE, TARGET, source_mask=MASK)
    assert_close(model(torch.where(MASK, SOURCE, (SOURCE + 1) % 20), TARGET, source_mask=MASK), whole)
    assert_close(model(SOURCE.where(MASK, 0), TARGET), whole)  # the mask from pad_id
    assert not torch.allclose(model(SOURCE, TARGET), whole)


@pytest.mark.parametrize(("kind", "cell", "n_layer"), KINDS)
@torch.no_grad()
def test_step_by_step_is_all_at_once(kind: str, cell: str, n_layer: int) -> None:
    model = strong(kind, cell, n_layer)
    whole = model(SOURCE, TARGET, source_mask=MASK)
    memory, cache = model.encode(SOURCE, MASK), model.new_cache()
    parts = [model.decode(part, memory, cache) for part in TARGET.split([1, 3, 1, 1], dim=1)]
    assert_close(torch.cat(parts, dim=1), whole)
    rows = torch.tensor([2, 2, 0, 1])
    memory, cache = model.encode(SOURCE, MASK), model.new_cache()
    model.decode(TARGET[:, :2], memory, cache)
    cache.select(rows)
    assert_close(model.decode(TARGET[rows, 2:], memory.select(rows), cache), whole[rows, 2:])


@pytest.mark.parametrize("kind", ["none", "additive", "dot"])
@torch.no_grad()
def test_a_target_token_changes_nothing_before_it_and_a_source_token_everything(kind: str) -> None:
    model = strong(kind, "gru")
    whole = model(SOURCE, TARGET)
    target, source = TARGET.clone(), SOURCE.clone()
    target[:, 3] = (target[:, 3] + 1) % 20
    changed = model(SOURCE, target)
    assert_close(changed[:, :3], whole[:, :3])
    assert ((changed - whole)[:, 3:].abs().amax(-1) > 1e-3).all()
    source[:, -1] = (source[:, -1] + 1) % 20
    assert ((model(source, TARGET) - whole).abs().amax(-1) > 1e-6).all()


@pytest.mark.parametrize(("kind", "cell"), [(a, c) for a in ("none", "additive", "dot") for c in ("gru", "lstm")])
def test_states_are_heard_step_by_step_and_give_gradients(kind: str, cell: str) -> None:
    model, heard = strong(kind, cell, 2), dict[str, list[Tensor]]()
    whole = model(SOURCE, TARGET, source_mask=MASK)
    names = ("decoder.0.h", "decoder.1.h", "decoder.1.c" if cell == "lstm" else "decoder.1.gate.update")
    for name in names:
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: heard.setdefault(name, []).append(out)
        )
    again = model(SOURCE, TARGET, source_mask=MASK)
    assert_close(again, whole)
    assert [len(heard[name]) for name in names] == [6, 6, 6]
    assert all(step.shape == (3, 5) for steps in heard.values() for step in steps)
    gradients = torch.autograd.grad(again[:, -1].sum(), heard["decoder.1.h"])
    assert all(gradient.abs().max() > 1e-4 for gradient in gradients)


@torch.no_grad()
def test_a_state_replaced_is_gone_on_from() -> None:
    model = strong("none", "gru")
    whole = model(SOURCE, TARGET)
    steps = iter(range(6))
    model.decoder[0].h.register_forward_hook(lambda _m, _i, out: out * 0 if next(steps) == 2 else out)
    changed = model(SOURCE, TARGET)
    assert_close(changed[:, :2], whole[:, :2])
    assert_close(changed[:, 2], (model.embed.weight @ model.readout.bias).expand(3, -1))
    assert not torch.allclose(changed[:, 3], whole[:, 3])


@torch.no_grad()
def test_probes_are_all_there_and_cost_no_weights() -> None:
    seen, plain = set[str](), len(strong("additive", "lstm").state_dict())
    for cell in ("gru", "lstm"):
        model = strong("additive", cell)
        for name, module in model.named_modules():
            probe = name.replace(".0.", ".")
            if probe in PROBES:
                module.register_forward_hook(lambda _m, _i, _o, probe=probe: seen.add(probe))
        model(SOURCE, TARGET)
    assert seen == PROBES
    assert plain == 4 * 2 + 2 + 1 + 4 + 3 + 2  # encoder, its bridge, embeddings, decoder, attention, readout


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_weights_start_from_the_generator_alone(cell: str) -> None:
    shape = Seq2SeqConfig(vocabulary=40, context=8, n_layer=2, d_embed=32, d_hidden=24, cell=cell)
    one, other = Seq2Seq(shape), Seq2Seq(shape)
    for model in (one, other):
        model.initialise(torch.Generator().manual_seed(7))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    for gate in one.encoder.rnn.weight_hh_l1_reverse.detach().split(24):
        assert_close(gate @ gate.T, torch.eye(24))
    assert one.attn.vector.eq(0).all()
    bias = one.decoder[1].bias_ih_l0.detach() + one.decoder[1].bias_hh_l0.detach()
    wanted = torch.zeros_like(bias)
    if cell == "lstm":
        wanted[24:48] = 1.0
    assert torch.equal(bias, wanted)


@pytest.mark.parametrize("kind", ["none", "additive", "dot"])
def test_dropout_is_for_training_only(kind: str) -> None:
    torch.manual_seed(0)
    model = Seq2Seq(Seq2SeqConfig(vocabulary=20, context=8, d_embed=6, d_hidden=5, attention=kind, dropout=0.5))
    assert not torch.equal(model.train()(SOURCE, TARGET), model(SOURCE, TARGET))
    assert torch.equal(model.eval()(SOURCE, TARGET), model(SOURCE, TARGET))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"d_hidden": 0}, "d_hidden = 0"),
        ({"dropout": 1.0}, "dropout = 1.0"),
        ({"eos_id": 30}, "eos_id = 30"),
        ({"bos_id": 0}, "bos_id = 0"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(said: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Seq2SeqConfig(**{"vocabulary": 20, "context": 8, "d_embed": 6, "d_hidden": 5} | said)
