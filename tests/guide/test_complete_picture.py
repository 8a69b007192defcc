"""What the chapter on the complete picture says of SmolLM2 and of published shapes, counted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

FRANCE = "The capital of France is"


def ask(panel: str, *models: Model, **knobs: Any) -> Any:
    text = FRANCE if panel == "model" else None
    return finish(answer(figure("architecture").panel(panel), knobs, models=models, text=text)).result


def test_where_the_parameters_of_smollm2_are(smollm2: Model) -> None:
    found = ask("sizes", smollm2)
    assert [int(found.mlp[-1]), int(found.embedding[-1]), int(found.attention[-1])] == [
        79_626_240,
        28_311_552,
        26_542_080,
    ]
    assert round(100 * found.mlp[-1] / found.parameters[-1]) == 59


def test_where_attention_overtakes_the_weights_and_the_cache_theirs(smollm2: Model) -> None:
    for context, more in ((3891, False), (3892, True)):
        found = ask("model", smollm2, context=context)
        assert (2 * found.attention_operations > found.total_operations) == more
    assert [ask("model", smollm2, context=n).kept_bytes > 538_060_032 for n in (11_676, 11_677)] == [False, True]


def test_the_first_words_vector_outgrows_the_others_in_two_blocks(smollm2: Model) -> None:
    for block, least, most in ((11, 750, 850), (28, 90, 110)):
        found = ask("model", smollm2, block=block)
        sizes = found.sizes[found.names.index("mlp.down")]
        assert least < sizes[0] / np.median(sizes[1:]) < most


def test_from_base_to_gpt3() -> None:
    base, gpt3 = (ask("published", preset=name, context=2048) for name in ("transformer-base", "gpt-3"))
    assert round(gpt3.total_parameters / base.total_parameters, -2) == 2800
    assert (round(gpt3.weights_bytes / 1e9), round(gpt3.kept_bytes / 1e9, 1)) == (349, 9.7)
    assert gpt3.n_blocks // base.n_blocks == 16
    tables = base.parameters[base.roles.index("embedding")] / base.total_parameters
    assert round(100 * tables) == 30


def test_attention_and_mlp_share_one_to_two_from_gpt1_on(smollm2: Model) -> None:
    found = ask("sizes", smollm2)
    shapes = [i for i, year in enumerate(found.years) if year > 2017]
    np.testing.assert_allclose(found.mlp[shapes] / found.attention[shapes], 2.0, atol=0.02)
