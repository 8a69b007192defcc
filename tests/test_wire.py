"""The wire carries every value exactly, in bytes that are the same each time."""

import json
from dataclasses import dataclass, replace

import numpy as np
import safetensors.numpy

from unrolled import wire
from unrolled.figures import Answer, answer, figure
from unrolled.progress import finish


def asked(panel: str = "steps", **knobs: object) -> Answer:
    return finish(answer(figure("attention_calculator").panel(panel), knobs))


def test_what_goes_in_comes_out() -> None:
    found = asked(causal=True)
    back = wire.decode(wire.encode(found))
    assert (back["figure"], back["panel"]) == ("attention_calculator", "steps")
    assert back["knobs"]["causal"] is True
    assert back["knobs"]["x"][0] == [0.5, 0.2, -0.3, 0.8]
    np.testing.assert_array_equal(back["data"]["masked"], found.result.masked)
    assert np.isneginf(back["data"]["masked"][0, 1])
    assert back["data"]["scores_arithmetic"][1][0] == found.result.scores_arithmetic[1][0]
    assert back["provenance"][0]["dtype"] == "float64"


def test_it_is_a_safetensors_file_with_one_metadata_key_of_canonical_json() -> None:
    blob = wire.encode(asked())
    assert set(safetensors.numpy.load(blob)) >= {"query", "weights", "output"}
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    assert list(header["__metadata__"]) == ["figure"]
    text = header["__metadata__"]["figure"]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_single_numbers_are_tensors_without_an_axis() -> None:
    blob = wire.encode(replace(asked(), result=Single(entropy_bits=(1.5, 2.0), kept=7)))
    tensors = safetensors.numpy.load(blob)
    assert tensors["kept"].shape == tensors["entropy_bits.1"].shape == ()
    assert wire.decode(blob)["data"] == {"entropy_bits": [1.5, 2.0], "kept": 7}


@dataclass(frozen=True, kw_only=True)
class Single:
    entropy_bits: tuple[float, ...]
    kept: int


def test_the_same_question_gives_the_same_bytes() -> None:
    assert wire.encode(asked(seed=1, panel="variance")) == wire.encode(asked(seed=1, panel="variance"))
    assert wire.encode(asked(seed=1, panel="variance")) != wire.encode(asked(seed=2, panel="variance"))


def test_json_has_words_for_what_is_not_finite() -> None:
    told = wire.to_json(asked(causal=True))
    assert told["data"]["masked"][0][1] == "-inf"
    assert list(told) == ["figure", "panel", "provenance", "knobs", "data"]
    json.dumps(told, allow_nan=False)
