"""Scores against transformers' own models, token by token, against closed forms, and against bytes counted by hand."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from serving import ROOT
from tiny_models import TEXT, gpt, save
from tiny_recurrent import opened as recurrent
from unrolled import cli, text
from unrolled.checkpoints import Model, open_model
from unrolled.errors import BadInput, BadKnob, EmptyText, ProbeNotFound
from unrolled.models.gpt import GPT
from unrolled.progress import Progress, Work, finish
from unrolled.scoring import Score, first_bytes, score, span_of, windows
from unrolled.text import train_bpe

LONG = f"{TEXT} {TEXT} the mat sat on the cat {TEXT}"  # 69 tokens of words


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Model, Any]]:
    """A tiny model in float64 through our door, and transformers' own on the same weights."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))

    def open_(kind: str) -> tuple[Model, Any]:
        folder = save(tmp_path / kind, kind)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
        return open_model(str(folder), dtype="float64"), theirs

    return open_


def scored(model: Model, text: str, **how: Any) -> Score:
    return finish(score(model, text, **how))


def token_by_token(theirs: Any, ids: list[int], window: int, stride: int) -> np.ndarray:
    """The definition, plainly: each token in the first window that holds it, one forward pass a token."""
    found = []
    for i in range(1, len(ids)):
        before = max(0, math.ceil((i + 1 - window) / stride)) * stride
        with torch.no_grad():
            logits = theirs(torch.tensor([ids[before:i]])).logits[0, -1].double()
        found.append(-float(logits.log_softmax(-1)[ids[i]]))
    return np.array(found)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral", "gemma2"])
@pytest.mark.parametrize(("window", "stride"), [(64, 32), (16, 8), (16, 15), (7, 3), (2, 1)])
def test_equals_a_plain_loop_over_transformers(opened: Any, kind: str, window: int, stride: int) -> None:
    ours, theirs = opened(kind)
    ids = list(ours.tokenizer.encode(LONG).ids)
    found = scored(ours, LONG, window=window, stride=stride)
    np.testing.assert_allclose(found.surprisals, token_by_token(theirs, ids, window, stride), atol=1e-4)
    assert found.tokens == len(ids) - 1 == 68
    assert found.perplexity == pytest.approx(math.exp(found.nats_per_token), rel=1e-12)


def test_a_stride_that_is_off_by_one_is_noticed(opened: Any) -> None:
    ours, theirs = opened("llama")
    ids = list(ours.tokenizer.encode(LONG).ids)
    found = scored(ours, LONG, window=16, stride=8).surprisals
    for window, stride in [(16, 9), (16, 7), (15, 8), (17, 8)]:
        assert np.abs(found - token_by_token(theirs, ids, window, stride)).max() > 1e-2


@pytest.mark.parametrize("bos", [False, True])
def test_smollm2_equals_transformers_on_its_weights(smollm2: Model, bos: bool) -> None:
    text = "The keeper of the lighthouse wrote down every ship that passed, and in winter he read them out. 🙂" * 3
    theirs = smollm2_in_transformers(smollm2)
    ids = list(smollm2.tokenizer.encode(text, bos=bos).ids)
    wanted = []
    for start in range(0, len(ids) - 32 + 16, 16):  # windows of 32, the first whole and then the last 16
        with torch.no_grad():
            logits = theirs(torch.tensor([ids[start : start + 32]])).logits[0, :-1].double()
        said = torch.tensor(ids[start + 1 : start + 32])
        losses = torch.nn.functional.cross_entropy(logits, said, reduction="none").tolist()
        wanted += losses if start == 0 else losses[15:]
    found = scored(smollm2, text, window=32, stride=16, bos=bos)
    assert found.tokens == len(ids) - 1 == len(wanted)
    assert found.nats_per_token == pytest.approx(sum(wanted) / len(wanted), abs=1e-4)
    assert found.bytes == len(text.encode()) - (0 if bos else len("The"))
    assert found.bits_per_byte == pytest.approx(sum(wanted) / math.log(2) / found.bytes, abs=1e-4)


def smollm2_in_transformers(model: Model) -> Any:
    """transformers' Llama, holding the same weights."""
    assert isinstance(model.module, GPT)
    c = model.module.config
    config = transformers.LlamaConfig(
        vocab_size=c.vocabulary, hidden_size=c.d_model, intermediate_size=c.d_ff, num_hidden_layers=c.n_layer,
        num_attention_heads=c.n_head, num_key_value_heads=c.n_key_value, head_dim=c.d_head, rms_norm_eps=c.norm_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope_base}, tie_word_embeddings=True,
        max_position_embeddings=c.context,
    )  # fmt: skip
    with torch.device("meta"):
        theirs = transformers.LlamaForCausalLM(config)
    theirs.to_empty(device="cpu")
    theirs.model.rotary_emb = type(theirs.model.rotary_emb)(config)
    theirs.load_state_dict(dict(_their_names(model.module.state_dict())), strict=True)
    theirs.tie_weights()
    return theirs.eval()


def _their_names(weights: dict[str, torch.Tensor]) -> Any:
    parts = {
        "attn.query": "self_attn.q_proj", "attn.key": "self_attn.k_proj", "attn.value": "self_attn.v_proj",
        "attn.output": "self_attn.o_proj", "mlp.gate": "mlp.gate_proj", "mlp.up": "mlp.up_proj",
        "mlp.down": "mlp.down_proj", "norm.attn": "input_layernorm", "norm.mlp": "post_attention_layernorm",
    }  # fmt: skip
    for name, weight in weights.items():
        if name == "embed.weight":
            yield "model.embed_tokens.weight", weight
            yield "lm_head.weight", weight
        elif name == "norm.final.weight":
            yield "model.norm.weight", weight
        else:
            _, layer, part = name.removesuffix(".weight").split(".", 2)
            yield f"model.layers.{layer}.{parts[part]}.weight", weight


def test_a_model_that_knows_nothing_scores_log_v() -> None:
    found = scored(gpt(head=0.0), "any text at all, longer than one window of this model", window=8, stride=4)
    np.testing.assert_allclose(found.surprisals, math.log(300), rtol=1e-14)
    assert found.perplexity == pytest.approx(300)
    assert found.bits_per_byte == pytest.approx(math.log2(300))  # a byte is a token


def test_the_first_token_is_scored_after_a_beginning_only() -> None:
    model, text = gpt(), "é bytes"
    without, with_bos = scored(model, text), scored(model, text, bos=True)
    assert (without.tokens, without.bytes, without.first_scored) == (7, 7, False)
    assert (with_bos.tokens, with_bos.bytes, with_bos.first_scored) == (8, 8, True)
    assert bytes(with_bos.ids.tolist()) == text.encode()
    assert bytes(without.ids.tolist()) == text.encode()[1:]


def test_bytes_from_first_principles() -> None:
    tokenizer = train_bpe(["the cat sat on the mat, the cat sat"] * 3, 290)
    model, text = gpt(tokenizer), "the cat sat on the mat: 猫が座った 🙂"
    found = scored(model, text, window=16, stride=8)
    spelled = b"".join(tokenizer.piece_bytes(int(id_)) for id_ in found.ids)
    assert text.encode().endswith(spelled)
    assert found.bytes == len(spelled) < len(text.encode())
    assert found.lossless
    nats = sum(found.surprisals.tolist())
    assert found.bits_per_byte == pytest.approx(nats / math.log(2) / len(spelled), rel=1e-12)
    # characters, or the bytes of the whole text, would be another number
    for wrong in (len(text), len(text.encode())):
        assert abs(nats / math.log(2) / wrong - found.bits_per_byte) > 1e-3


def test_a_space_that_sentencepiece_adds_is_no_byte_of_the_text() -> None:
    class Spelled:
        def piece_bytes(self, id_: int) -> bytes:
            return b" hello"

    assert first_bytes(Spelled(), "hello world", 0) == 5  # type: ignore[arg-type]
    assert first_bytes(Spelled(), " hello world", 0) == 6  # type: ignore[arg-type]


def test_a_vocabulary_that_loses_spaces_says_so(opened: Any) -> None:
    ours, _ = opened("gpt2")
    found = scored(ours, "the cat sat")
    assert not found.lossless
    assert found.bytes == len(" cat sat")


@pytest.mark.parametrize("n", [2, 5, 8, 9, 12, 13, 40])
@pytest.mark.parametrize(("window", "stride"), [(8, 4), (8, 7), (8, 1), (5, 3), (2, 1)])
def test_each_token_once_with_enough_before_it(n: int, window: int, stride: int) -> None:
    given = list(windows(n, window, stride))
    assert [i for _, first, end in given for i in range(first, end)] == list(range(1, n))
    for number, (start, first, end) in enumerate(given):
        assert end - start <= window
        assert start == number * stride
        assert first - start >= (window - stride if number else 1)


def test_windows_side_by_side_give_what_each_gives_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model, text = gpt(), "a text that is a little longer than a few of these windows, so that they pile up"
    together = scored(model, text, window=8, stride=3).surprisals
    monkeypatch.setattr("unrolled.scoring._TOGETHER", 1)
    np.testing.assert_allclose(scored(model, text, window=8, stride=3).surprisals, together, atol=1e-12)


def test_without_a_readout_the_model_s_own_logits_are_scored() -> None:
    model, text = gpt(), "the same numbers by another way"
    ours = scored(model, text, window=8, stride=3).surprisals
    model.readout = None
    np.testing.assert_allclose(scored(model, text, window=8, stride=3).surprisals, ours, atol=1e-12)


def test_it_says_how_far_it_is() -> None:
    told: list[Progress] = []
    finish(score(gpt(), "x" * 6000, window=32, stride=16), told.append)
    assert [each.done for each in told] == sorted({each.done for each in told})
    assert (told[-1].done, told[-1].total) == (5999, 5999)
    assert len(told) > 3


@pytest.mark.parametrize(
    ("text", "how", "error", "sentence"),
    [
        ("", {}, EmptyText, "needs two tokens at least, one to read and one to score; it is empty"),
        ("a", {}, EmptyText, "it has one"),
        ("", {"bos": True}, EmptyText, "it has one"),
        ("abc", {"window": 33}, BadKnob, "window was 33; tiny takes 2 to 32 tokens"),
        ("abc", {"window": 1}, BadKnob, "window was 1"),
        ("abc", {"window": 8, "stride": 8}, BadKnob, "stride was 8; it takes 1 to 7"),
        ("abc", {"stride": 0}, BadKnob, "stride was 0"),
        ("abc", {"carry": True}, BadKnob, "tiny has no state to carry on"),
    ],
)
def test_bad_questions(text: str, how: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        scored(gpt(), text, **how)


def test_another_model_s_tokenizer_is_noticed() -> None:
    with pytest.raises(BadInput, match="its tokenizer is another model's"):
        scored(gpt(vocabulary=100), "ÿ is a byte above 100")


def test_a_model_that_says_nothing(opened: Any, tmp_path: Path) -> None:
    with pytest.raises(ProbeNotFound, match="has no logits"):
        scored(open_model(str(save(tmp_path / "bert", "bert"))), TEXT)


def test_spans() -> None:
    model = gpt()
    assert (span_of(model).window, span_of(model).stride, span_of(model).carried) == (32, 16, False)
    assert span_of(model, window=9).stride == 4


@pytest.mark.parametrize("family", ["rnn", "lstm", "gru"])
def test_a_carried_state_is_one_long_reading(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, text = recurrent(family), "one state, carried from the first byte to the last, however long the text may be"
    ids = torch.tensor([list(text.encode())])
    with torch.no_grad():
        logits = model.module(ids[:, :-1])[0]
    wanted = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none").numpy()
    assert scored(model, text).span.carried
    np.testing.assert_allclose(scored(model, text).surprisals, wanted, atol=1e-10)
    monkeypatch.setattr("unrolled.scoring.WINDOW", 7)  # read in parts
    np.testing.assert_allclose(scored(model, text, carry=True).surprisals, wanted, atol=1e-10)
    reset = scored(model, text, window=7, stride=6)
    assert not reset.span.carried
    assert np.abs(reset.surprisals - wanted).max() > 1e-2  # a state that is lost is noticed
    np.testing.assert_allclose(reset.surprisals, token_by_token(Bare(model.module), ids[0].tolist(), 7, 6), atol=1e-10)


class Bare:
    """A module of ours, called as transformers' are."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module

    def __call__(self, ids: torch.Tensor) -> Any:
        return transformers.modeling_outputs.CausalLMOutput(logits=self._module(ids))


def test_a_carried_state_has_no_window() -> None:
    with pytest.raises(BadKnob, match="A state that is carried has no window and no stride"):
        span_of(recurrent("gru"), window=8, carry=True)
    assert span_of(recurrent("gru"), carry=False).window == 1024
    assert span_of(recurrent("gru"), stride=100).stride == 100


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """The command in a process of its own, as a reader runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "unrolled", "score", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_s_json(opened: Any, tmp_path: Path) -> None:
    ours, _ = opened("llama")
    (tmp_path / "text.txt").write_text(LONG + "\n", encoding="utf-8")
    code, out, err = run(
        str(tmp_path / "llama"), str(tmp_path / "text.txt"), "--window", "16", "--stride", "8", "--json",
        "--dtype", "float64",
    )  # fmt: skip
    assert (code, err) == (0, "")
    told, found = json.loads(out), scored(ours, LONG + "\n", window=16, stride=8)
    assert told["tokens"] == found.tokens
    assert told["nats_per_token"] == pytest.approx(found.nats_per_token, rel=1e-9)
    assert told["perplexity"] == pytest.approx(found.perplexity, rel=1e-9)
    assert told["bits_per_byte"] == pytest.approx(found.bits_per_byte, rel=1e-9)
    assert told["bytes"] == found.bytes
    stated = {name: told[name] for name in ("window", "stride", "bos", "state", "first_token_scored", "lossless")}
    assert stated == {
        "window": 16, "stride": 8, "bos": False, "state": "reset", "first_token_scored": False, "lossless": False,
    }  # fmt: skip
    assert told["provenance"][0]["dtype"] == "float64"


def test_the_command_for_people_and_from_standard_input(opened: Any, tmp_path: Path) -> None:
    opened("llama")
    code, out, err = run(str(tmp_path / "llama"), "-", stdin=TEXT.encode())
    assert code == 0, err
    assert [line.rsplit(maxsplit=1)[0] for line in out.splitlines()] == [
        "nats per token", "perplexity", "bits per byte", "tokens", "bytes",
    ]  # fmt: skip
    assert "windows of 64, stride 32, the first token, with nothing before it, not scored" in err


def test_a_part_of_a_shipped_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model, short = gpt(head=0.0), "Alice was beginning to get very tired"
    whole = text.corpus("children")
    assert whole.test not in (whole.train, whole.validation)
    monkeypatch.setattr(text.Corpus, "part", lambda self, split: f"{short} {self.name} {split}")

    def opening(*_: object, **__: object) -> Work[Model]:
        yield Progress(0, 1)
        return model

    monkeypatch.setattr("unrolled.checkpoints.opening", opening)
    with pytest.raises(SystemExit) as end:
        cli.main(["score", "tiny", "children:test", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert told["bytes"] == len(f"{short} children test") - 1
    assert told["bits_per_byte"] == pytest.approx(math.log2(300))


@pytest.mark.parametrize(
    ("content", "how", "sentence"),
    [
        (None, [], "There is no file or folder"),
        (b"", [], "is empty"),
        (b"\xff\xfe\x00\x01", [], "UTF-16"),
        (b"the cat sat", ["--window", "1"], "window was 1;"),
        (b"the cat sat", ["--carry"], "has no state to carry on"),
        (b"cat", [], "needs two tokens at least"),
    ],
)
def test_what_can_be_mended_is_one_sentence(
    opened: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    how: list[str],
    sentence: str,
) -> None:
    opened("llama")
    capsys.readouterr()  # of saving it
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as end:
        cli.main(["score", str(tmp_path / "llama"), str(file), *how])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_no_such_part(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["score", "smollm2", "fiction:tests"])
    assert end.value.code == 2
    assert "a text that comes with unrolled is fiction or children, then :train" in capsys.readouterr().err
    code, _, err = run("smollm2", "-", stdin=b"caf\xe9")
    assert (code, err.count("\n")) == (2, 1)
    assert "Standard input is not UTF-8" in err
