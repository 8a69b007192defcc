"""int8 weights: rounding by hand, the quick way equals the plain one, what they cost is small and labelled."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tiny_models import gpt
from tiny_recurrent import opened as recurrent
from unrolled import cli
from unrolled.checkpoints import Model, open_model
from unrolled.checkpoints.int8 import LABEL, int8_model
from unrolled.errors import BadKnob
from unrolled.models.int8 import Int8Linear, quantise
from unrolled.progress import finish
from unrolled.scoring import score

TEXT = (
    "It was on a dreary night of November that the keeper of the lighthouse wrote down every ship that passed, and in"
    " the winter he read the names aloud to the empty room. The wind had dropped. Somebody knocked, twice, at the door."
)


def test_rows_are_rounded_by_their_largest() -> None:
    whole, scale = quantise(torch.tensor([[1.0, -0.5, 0.26], [0.0, 0.0, 0.0], [-254.0, 2.0, 3.1]]))
    assert whole.tolist() == [[127, -64, 33], [0, 0, 0], [-127, 1, 2]]
    torch.testing.assert_close(scale[[0, 2]], torch.tensor([1 / 127, 2.0]).bfloat16())


@pytest.mark.parametrize("rows", [1, 2, 8, 9, 40])
def test_the_quick_kernel_and_the_plain_product(rows: int) -> None:
    random = torch.Generator().manual_seed(rows)
    weight, x = torch.randn(48, 64, generator=random), torch.randn(1, rows, 64, generator=random)
    bias = torch.randn(48, generator=random)
    ours = Int8Linear(weight, bias)(x)
    whole, scale = quantise(weight)
    exact = x.bfloat16().double() @ (whole.double() * scale[:, None].double()).T + bias.double()
    torch.testing.assert_close(ours.double(), exact, rtol=2**-8, atol=2**-8 * float(exact.abs().max()))  # one bfloat16
    wrong = x.bfloat16().double() @ whole.double().T + bias.double()  # the factors forgotten
    assert not torch.allclose(ours.double(), wrong, rtol=0.1, atol=0.1)


def test_one_token_after_another_is_the_text_at_once() -> None:
    model = int8_model(gpt(tied=True))
    ids = torch.tensor([list(b"one by one")])
    with torch.no_grad():
        together = model.module(ids)[0]
        cache = model.new_cache()
        apart = [model.module(ids[:, i : i + 1], cache=cache)[0, -1] for i in range(ids.shape[1])]
    # each map rounds to bfloat16, one part in 256
    assert float((torch.stack(apart) - together).abs().max() / together.std()) < 0.1


@pytest.fixture(scope="module")
def rounded(smollm2_path: Path) -> Model:
    return int8_model(open_model("smollm2"))


def test_smollm2_stays_close_and_what_it_costs_is_measured(smollm2: Model, rounded: Model) -> None:
    ids = smollm2.encode(TEXT).ids
    exact, ours = (finish(model.next_logits(ids)) for model in (smollm2, rounded))
    assert np.corrcoef(exact, ours)[0, 1] > 0.999
    assert exact.argmax() == ours.argmax()
    assert not np.array_equal(exact, ours)
    before, after = finish(score(smollm2, TEXT)), finish(score(rounded, TEXT))
    assert abs(after.perplexity / before.perplexity - 1) < 0.02
    assert after.nats_per_token != before.nats_per_token


def test_it_says_so(rounded: Model, smollm2: Model) -> None:
    assert rounded.provenance.dtype == LABEL
    assert rounded.provenance.hash == smollm2.provenance.hash
    assert rounded.parameters == smollm2.parameters == 134_515_008
    assert smollm2.provenance.dtype == "float32"


def test_three_bits_would_be_noticed(smollm2: Model) -> None:
    """Rounded to 3 bits instead of 8, the same text scores far worse: the bound above has teeth."""
    module = copy.deepcopy(smollm2.module)
    for parameter in module.parameters():
        if parameter.ndim == 2:
            step = parameter.abs().amax(dim=1, keepdim=True) / 3
            parameter.copy_((parameter / step).round() * step)
    ids = torch.tensor([list(smollm2.encode(TEXT).ids)])
    with torch.no_grad():
        exact, coarse = (
            torch.nn.functional.cross_entropy(m(ids)[0, :-1], ids[0, 1:]).exp() for m in (smollm2.module, module)
        )
    assert abs(float(coarse / exact) - 1) > 0.5


def test_other_models_are_refused() -> None:
    with pytest.raises(BadKnob, match="int8 weights are for models that run as our GPT; tiny-gru"):
        int8_model(recurrent("gru"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_on_the_command_line_it_is_a_labelled_switch(
    capsys: pytest.CaptureFixture[str], smollm2_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    _, out, _ = run(capsys, "score", "smollm2", str(tmp_path / "text.txt"), "--weights", "int8", "--json")
    assert json.loads(out)["provenance"][0]["dtype"] == LABEL
    asked = ("generate", "smollm2", "--prompt", "The capital of France is", "--temperature", "0", "--tokens", "1")
    code, out, err = run(capsys, *asked, "--weights", "int8")
    assert (code, out) == (0, " Paris\n")
    assert LABEL in err
    code, _, err = run(capsys, *asked, "--weights", "int4")
    assert code == 2
    assert "--weights was “int4”; it takes int8" in err
    assert run(capsys, *asked, "--json")[1].find("int8") == -1
