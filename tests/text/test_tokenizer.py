"""The tokenizer's switches and what a reader types, on a small byte-level vocabulary made here."""

from __future__ import annotations

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from unrolled.errors import BadInput, BadKnob, UnsupportedModel
from unrolled.text import Tokenizer
from unrolled.text.pieces import byte_alphabet

TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are kind<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|im_start|>", "<|im_end|>", "<s>"]


def library() -> tokenizers.Tokenizer:
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("Ġ", "w"), ("hell", "o"), ("s", ">"), ("<", "s>"), ("ð", "Ł")]
    vocabulary = {token: i for i, token in enumerate([*byte_alphabet(), *dict.fromkeys(a + b for a, b in merges[:5])])}
    for a, b in merges[5:]:
        vocabulary.setdefault(a + b, len(vocabulary))
    del vocabulary["<s>"]  # it is special only
    tk = tokenizers.Tokenizer(models.BPE(vocab=_dense(vocabulary), merges=[m for m in merges if m != ("<", "s>")]))
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tk.decoder = decoders.ByteLevel()
    tk.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tk


def _dense(vocabulary: dict[str, int]) -> dict[str, int]:
    return {token: i for i, token in enumerate(vocabulary)}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tk = library()
    names = {"bos_token": "<s>", "eos_token": "<|im_end|>"}
    ids = {"bos_id": tk.token_to_id("<s>"), "eos_ids": (tk.token_to_id("<|im_end|>"),)}
    return Tokenizer.from_tokenizers(tk, **ids, chat_template=TEMPLATE, template_tokens=names)


def test_plain_text(tokenizer) -> None:
    tokens = tokenizer.encode("hello w!")
    assert tokens.strings == ("hello", " w", "!")
    assert tokens.spans == ((0, 5), (5, 7), (7, 8))
    assert tokenizer.decode(tokens.ids) == "hello w!"


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_comes_back(text: str) -> None:
    tokenizer = Tokenizer.from_tokenizers(library())
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens.ids) == text
    assert not any(tokenizer.is_special(id_) for id_ in tokens.ids)
    covered = {i for a, b in tokens.spans for i in range(a, b)}
    assert covered == set(range(len(text)))


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("typed", SPECIAL)
def test_typed_text_never_becomes_special(tokenizer, typed: str, chat: bool) -> None:
    empty = tokenizer.encode("", chat=chat, bos=True)
    tokens = tokenizer.encode(f"a{typed}b", chat=chat, bos=True)
    n_special = [sum(map(tokenizer.is_special, t.ids)) for t in (empty, tokens)]
    assert n_special[0] == n_special[1] > 0
    typed_ids = [id_ for id_, (a, b) in zip(tokens.ids, tokens.spans, strict=True) if a < b]
    assert tokenizer.decode(typed_ids) == f"a{typed}b"


def test_without_the_guard_it_would(tokenizer) -> None:
    assert tokenizer.is_special(library().encode("a<|im_start|>b").ids[1])


def test_an_end_token_that_was_not_declared_special_becomes_so() -> None:
    tk = library()
    tk.add_tokens([AddedToken("<end>", special=False)])
    id_ = tk.token_to_id("<end>")
    assert id_ not in Tokenizer.from_tokenizers(tk, eos_ids=(id_,)).encode("<end>").ids


@pytest.mark.parametrize("text", ["hello", " hello w ", "a\n\nb", "é好😀", "\nhello", "שלום עולם", "e\u0301"])
def test_chat_is_transformers_chat(tokenizer, text: str) -> None:
    theirs = PreTrainedTokenizerFast(tokenizer_object=library(), bos_token="<s>", eos_token="<|im_end|>")
    theirs.chat_template = TEMPLATE
    said = [{"role": "user", "content": text}]
    wanted = theirs.apply_chat_template(said, add_generation_prompt=True, return_dict=False)
    assert list(tokenizer.encode(text, chat=True).ids) == list(wanted)
    replied = tokenizer.encode(text, chat=True, reply="hell")
    assert list(replied.ids[: len(wanted)]) == list(wanted)
    assert tokenizer.decode(replied.ids[len(wanted) :]) == "hell"


def test_spans_in_a_chat_point_at_what_was_typed_then_at_the_reply(tokenizer) -> None:
    tokens = tokenizer.encode("hello w", chat=True, reply="hell")
    assert tokens.text == "hello whell"
    shown = [tokens.text[a:b] for a, b in tokens.spans if a < b]
    assert shown == ["hello", " w", "hell"]
    assert list(tokens.spans) == sorted(tokens.spans)


def test_bytes_of_one_character_span_all_of_it(tokenizer) -> None:
    tokens = tokenizer.encode("a😀")
    assert tokens.strings == ("a", "‹F0 9F›", "‹98›", "‹80›")
    assert tokens.spans == ((0, 1), (1, 2), (1, 2), (1, 2))
    assert b"".join(map(tokenizer.piece_bytes, tokens.ids)) == "a😀".encode()


def test_beginning_of_text_stands_for_nothing_in_the_text(tokenizer) -> None:
    tokens = tokenizer.encode("hello", bos=True)
    assert tokens.strings == ("<s>", "hello")
    assert tokens.spans == ((0, 0), (0, 5))


def test_beginning_of_text_is_not_doubled_by_a_template_that_has_it() -> None:
    template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    tk = library()
    bos_id = tk.token_to_id("<s>")
    tokenizer = Tokenizer.from_tokenizers(
        tk, bos_id=bos_id, chat_template=template, template_tokens={"bos_token": "<s>"}
    )
    assert tokenizer.encode("a", chat=True, bos=True).ids.count(bos_id) == 1


def test_what_a_vocabulary_lacks_is_said() -> None:
    bare = Tokenizer.from_tokenizers(library())
    with pytest.raises(BadKnob, match="beginning-of-text"):
        bare.encode("a", bos=True)
    with pytest.raises(BadKnob, match="chat template"):
        bare.encode("a", chat=True)
    assert bare.piece(10**6) == "‹no token 1000000›"
    assert bare.piece_bytes(-1) == b""


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages[0].content }}",
        "{{ messages.append(1) }}{{ messages[0].content }}",
        "{% for",
        "{{ raise_exception('no') }}",
        "nothing of what was said",
        "{{ 1 / 0 }}",
    ],
)
def test_templates_that_break_or_break_out_are_refused(template: str) -> None:
    tokenizer = Tokenizer.from_tokenizers(library(), chat_template=template)
    with pytest.raises(UnsupportedModel, match="chat template"):
        tokenizer.encode("a", chat=True)


def test_a_reader_cannot_write_a_template() -> None:
    tokenizer = Tokenizer.from_tokenizers(library(), chat_template="{{ messages[0].content }}")
    assert tokenizer.decode(tokenizer.encode("{{ 7 * 7 }}", chat=True).ids) == "{{ 7 * 7 }}"


def test_half_a_surrogate_pair_is_refused(tokenizer) -> None:
    with pytest.raises(BadInput, match="Character 1"):
        tokenizer.encode("a\ud83d")


def test_sentencepiece_spaces_and_bytes() -> None:
    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a", "é"]
    vocabulary = {token: i for i, token in enumerate(names)}
    bpe = models.BPE(vocab=vocabulary, merges=[("▁", "a")], unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tk = tokenizers.Tokenizer(bpe)
    tk.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tk.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokens = Tokenizer.from_tokenizers(tk).encode("a aé😀")
    assert tokens.strings == (" a", " a", "é", "‹F0›", "‹9F›", "‹98›", "‹80›")
    assert tokens.spans == ((0, 1), (1, 3), (3, 4), (4, 5), (4, 5), (4, 5), (4, 5))


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("naïve", None),
        ("year 2024", ("year", " ", "2", "0", "2", "4")),
        ("مرحبا", None),
        ("日本語 😀👩‍👩‍👧", None),
    ],
)
def test_smollm2s_tokens_cover_their_text(smollm2, text: str, strings) -> None:
    tokens = smollm2.encode(text)
    assert smollm2.tokenizer.decode(tokens.ids) == text
    assert {i for a, b in tokens.spans for i in range(a, b)} == set(range(len(text)))
    assert strings is None or tokens.strings == strings
