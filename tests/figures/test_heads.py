"""The heads of SmolLM2 and MiniLM: weights against the models' own, what is found, and what switching off does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from tiny_models import save
from unrolled.checkpoints import entry, open_model
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.figures import _head_scores as heads
from unrolled.figures import answer, figure
from unrolled.figures._head_labels import UNCLASSIFIED
from unrolled.figures._head_probing import _read
from unrolled.figures._head_scores import SCORES
from unrolled.figures._tracing import occurrences
from unrolled.progress import finish
from unrolled.text import byte_tokenizer
from unrolled.trace import Trace
from unrolled.trace.wrapping import wrap

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

ANIMAL = "The animal didn't cross the street because it was too tired."


@pytest.fixture(scope="module")
def minilm() -> Model:
    return open_model("minilm")


def ask(panel: str, model: Model, text: str = ANIMAL, **knobs: Any) -> Any:
    return finish(answer(figure("heads").panel(panel), knobs, models=[model], text=text)).result


def by_hand(model: Model, text: str, layer: int, head: int) -> np.ndarray:
    """Softmax of SmolLM2's q·k/√d with a causal mask, from hooks on its projections, rotation done here."""
    kept: dict[str, torch.Tensor] = {}
    attn = model.module.blocks[layer].attn
    hooks = [
        getattr(attn, name).register_forward_hook(lambda m, i, o, name=name: kept.update({name: o}))
        for name in ("q", "k")
    ]
    with torch.inference_mode():
        model.module(torch.tensor([model.encode(text).ids]))
    for hook in hooks:
        hook.remove()
    query, key = kept["q"][0, head], kept["k"][0, head // 3]
    scores = (query @ key.T) / 8
    return torch.where(torch.ones_like(scores).tril() > 0, scores, -torch.inf).softmax(-1).numpy()


def test_a_map_is_the_head_s_softmax(smollm2: Model) -> None:
    found = ask("map", smollm2, layer=13, head=8)
    np.testing.assert_allclose(found.weights, by_hand(smollm2, ANIMAL, 13, 8), atol=1e-6)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, atol=1e-5)
    assert found.query_strings == found.key_strings == smollm2.encode(ANIMAL).strings


def test_a_tile_is_a_part_of_the_whole(smollm2: Model) -> None:
    whole = ask("map", smollm2, layer=5, head=2)
    tile = ask("map", smollm2, layer=5, head=2, first_query=4, first_key=2, size=5)
    np.testing.assert_allclose(tile.weights, whole.weights[4:9, 2:7], atol=1e-6)  # float32 in another order
    assert tile.query_strings == whole.query_strings[4:9]
    assert (tile.n_query, tile.n_key) == (13, 13)


def test_small_pictures_never_average(smollm2: Model) -> None:
    """A row of the picture is an exact row; a block holds its largest weight."""
    text = " ".join(["the cat sat on the mat and looked at the moon,"] * 12)
    found = ask("overview", smollm2, text=text, scoring=False)
    exact = ask("map", smollm2, text=text, layer=7, head=4, size=512).weights
    starts = np.arange(0, exact.shape[1], found.block_size)
    expected = np.maximum.reduceat(exact[found.thumbnail_queries], starts, axis=1)
    np.testing.assert_allclose(found.thumbnails[7, 4] / 255, expected, atol=0.5 / 255 + 1e-6)
    assert found.thumbnails.shape[2:] == (32, len(starts))
    assert found.block_size > 1


def test_overview_names_what_is_known_of_smollm2(smollm2: Model) -> None:
    """SmolLM2's induction heads are found on repeated random tokens, some heads look one back, some stay unnamed."""
    found = ask("overview", smollm2)
    labels = [label for row in found.labels for label in row]
    assert found.scores.shape == found.scores_low.shape == (11, 30, 9)
    assert {"induction", "previous token", "first token", UNCLASSIFIED} <= set(labels)
    place = found.score_names.index("induction")
    inside = ~np.isnan(found.scores)
    assert (found.scores_low[inside] <= found.scores[inside]).all()
    assert (found.scores[inside] <= found.scores_high[inside]).all()
    assert found.scores[place].max() > 0.5


def test_ablating_induction_heads_hurts_the_second_half_more_than_random_ones(smollm2: Model) -> None:
    found = ask("overview", smollm2)
    order = np.argsort(-found.scores[found.score_names.index("induction")], axis=None)[:6]
    chosen = [tuple(map(int, np.unravel_index(k, (30, 9)))) for k in order]
    random = np.random.default_rng(3)
    words = random.permutation(
        ["red", "stone", "lamp", "river", "cloud", "paper", "horse", "glass", "moon", "chair", "bread", "snow"]
    )
    text = " ".join([*words, *words])

    def second_half(heads: list[tuple[int, int]]) -> float:
        result = ask("ablate", smollm2, text=text, off=" ".join(f"{a}.{b}" for a, b in heads))
        half = len(result.tokens) // 2
        return float((result.surprisal_after - result.surprisal_before)[half:].mean())

    others = [pair for pair in np.ndindex(30, 9) if pair not in chosen]
    by_chance = [second_half([others[k] for k in random.choice(len(others), 6, replace=False)]) for _ in range(5)]
    assert second_half(chosen) > max(by_chance) + 0.1, (second_half(chosen), by_chance)


def test_nothing_off_changes_nothing(smollm2: Model) -> None:
    found = ask("ablate", smollm2)
    np.testing.assert_array_equal(found.surprisal_before[1:], found.surprisal_after[1:])
    assert found.kl_bits == 0
    assert found.loss_before == pytest.approx(np.mean(found.surprisal_before[1:]))


def test_losses_are_the_models_own(smollm2: Model) -> None:
    found = ask("ablate", smollm2)
    ids = torch.tensor([smollm2.encode(ANIMAL).ids])
    with torch.inference_mode():
        logits = smollm2.module(ids)
    expected = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
    np.testing.assert_allclose(found.surprisal_before[1:], expected, atol=1e-4)


def test_minilm_has_heads_that_look_from_it_to_animal(minilm: Model) -> None:
    found = ask("find", minilm, query="it", key="animal")
    assert found.best_weights[0] > 0.5 > found.even
    layer, head = int(found.best_layers[0]), int(found.best_heads[0])
    weights = ask("map", minilm, layer=layer, head=head).weights
    tokens = minilm.encode(ANIMAL)
    (it,), (animal,) = occurrences(tokens, "it"), occurrences(tokens, "animal")
    assert weights[it, animal] == pytest.approx(found.best_weights[0], abs=1e-6)


def test_an_encoder_has_no_loss(minilm: Model) -> None:
    with pytest.raises(ProbeNotFound, match="it needs logits, and minilm has no such probe"):
        ask("ablate", minilm)


def test_words_are_found_whole(smollm2: Model) -> None:
    tokens = smollm2.encode("It is an iterated item, and it ends.")
    assert [tokens.strings[k] for k in occurrences(tokens, "it")] == [" it"]
    assert "".join(tokens.strings[k] for k in occurrences(tokens, "iterated")) == " iterated"


def test_bad_input_is_told_so(smollm2: Model) -> None:
    with pytest.raises(BadInput, match="“zebra” does not occur in the text; its tokens are The"):
        ask("find", smollm2, query="zebra", key="animal")
    with pytest.raises(BadInput, match="“animal” comes after “cat”"):
        ask("find", smollm2, text="A cat saw the animal", query="cat", key="animal")
    with pytest.raises(BadInput, match="needs two words"):
        ask("find", smollm2)
    with pytest.raises(BadKnob, match="layer was 99; smollm2 has layers 0 to 29"):
        ask("map", smollm2, layer=99)
    with pytest.raises(BadKnob, match="head was 9; smollm2 has heads 0 to 8"):
        ask("map", smollm2, head=9)
    with pytest.raises(BadKnob, match=r"“x” is no head\. Name heads as layer\.head: 3\.1 4\.7"):
        ask("ablate", smollm2, off="3.1 x")
    with pytest.raises(BadKnob, match="99"):
        ask("ablate", smollm2, off="99.1")
    with pytest.raises(BadKnob, match="the text has 13 queries"):
        ask("map", smollm2, first_query=50)
    with pytest.raises(ProbeNotFound, match="smollm2 has no cross attention; it has self"):
        ask("map", smollm2, kind="cross")


def test_an_encoder_decoder_says_what_there_is_to_choose_from(tmp_path: Path) -> None:
    """Its kinds have numbers of heads of their own: where the page's steppers end."""
    bart = open_model(str(save(tmp_path / "bart", "bart")))
    found = finish(
        answer(figure("heads").panel("map"), {"kind": "cross"}, models=[bart], text="the cat sat", target="a mat")
    ).result
    assert (found.kind, found.kinds) == ("cross", ("cross", "encoder", "self"))
    sizes = dict(zip(found.kinds, zip(found.n_layer.tolist(), found.n_head.tolist(), strict=True), strict=True))
    assert sizes == {"encoder": (2, 4), "self": (2, 2), "cross": (2, 2)}
    assert found.weights.shape == (len(bart.encode_target("a mat").ids), len(bart.encode("the cat sat").ids))


def own_gpt2(*, vocabulary: int = 300, context: int = 128, tokenizer: Any = None) -> Model:
    """A random model of the reader's own; without a tokenizer its text is token numbers."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=vocabulary, n_positions=context, n_embd=32, n_layer=2, n_head=4, initializer_range=0.5,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return wrap(transformers.GPT2LMHeadModel(config), tokenizer=tokenizer, name="own")


def unscored_in(found: Any) -> set[str]:
    nothing = np.isnan(found.scores).all(axis=(1, 2))
    return {name for name, is_nan in zip(found.score_names, nothing, strict=True) if is_nan}


def test_token_numbers_are_scored_for_what_needs_no_letters() -> None:
    """Without a tokenizer no sentence can be read; positions and repeats are scored on random tokens all the same."""
    found = ask("overview", own_gpt2(), text="3 1 4 1 5 9 2 6")
    assert unscored_in(found) == {"next", "separator", "syntax"}  # nobody sees ahead
    assert found.unscored.startswith("No separators and no syntactic arcs are scored: own does not spell most")
    spelled = ask("overview", own_gpt2(tokenizer=byte_tokenizer()), text="a cat")
    assert unscored_in(spelled) == {"next"}
    assert spelled.unscored == ""


@pytest.mark.parametrize(
    ("vocabulary", "context", "missing", "said"),
    [
        (6, 128, {"next", "separator", "syntax", "duplicate", "induction"}, "own has 6 and reads 128"),
        (300, 12, {"next", "separator", "syntax", "duplicate", "induction"}, "own has 300 and reads 12"),
        (300, 7, {*SCORES}, "No heads are scored: own reads 7 tokens at most"),
    ],
)
def test_small_vocabularies_and_short_contexts(vocabulary: int, context: int, missing: set[str], said: str) -> None:
    found = ask("overview", own_gpt2(vocabulary=vocabulary, context=context), text="3 1 4 1 5")
    assert unscored_in(found) == missing
    assert said in found.unscored


def test_one_unknown_token_again_and_again_is_no_text() -> None:
    """Sentences that are spelled by unknown tokens are left alone, not read as many equal texts."""
    model = own_gpt2()
    assert len(set(model.encode("The river froze in January").ids)) == 1
    assert _read(model, heads.texts()[0]) == []
    spelled = own_gpt2(tokenizer=byte_tokenizer())
    assert len(_read(spelled, heads.texts()[0])) == 24


def test_a_tile_reads_nothing_again(smollm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, recording and the small picture are kept: while a reader drags, only the tile's own rows are worked out."""
    ask("map", smollm2, layer=5, head=2)
    asked: list[int] = []
    rows = Trace.weights

    def counted(self: Trace, *at: Any, **kind: Any) -> np.ndarray:
        asked.append(len(found := rows(self, *at, **kind)))
        return found

    monkeypatch.setattr(Trace, "weights", counted)
    monkeypatch.setattr(smollm2, "encode", lambda *_, **__: pytest.fail("the text was read again"))
    ask("map", smollm2, layer=5, head=2, first_query=4, first_key=2, size=5)
    assert asked == [5]
    ask("map", smollm2, layer=5, head=3, size=5)
    assert asked == [5, 13, 5]


def test_cross_attention_has_two_texts(tmp_path: Path) -> None:
    folder = save(tmp_path / "t5", "t5")
    assert entry(str(folder)).takes_target
    t5 = open_model(str(folder))
    found = finish(
        answer(figure("heads").panel("overview"), {}, models=[t5], text="the cat sat", target="a mat")
    ).result
    source, target = t5.encode("the cat sat"), t5.encode_target("a mat")
    assert (found.tokens, found.query_tokens) == (source.strings, target.strings)
    np.testing.assert_array_equal(found.query_token_spans, target.spans)
    assert np.isnan(found.scores).all()
    assert {label for row in found.labels for label in row} == {UNCLASSIFIED}
    own = finish(
        answer(figure("heads").panel("overview"), {"kind": "self"}, models=[t5], text="the cat sat", target="a mat")
    ).result
    assert (own.tokens, own.query_tokens) == (target.strings, ())
