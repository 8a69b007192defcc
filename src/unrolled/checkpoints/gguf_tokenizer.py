"""The tokenizer that a GGUF file describes in its metadata: byte-level BPE ("gpt2") or SentencePiece BPE ("llama").

A byte-level vocabulary does not hold the rule that cuts text into words before merging; the file names it
(`tokenizer.ggml.pre`), and each rule is written out here as the models' own tokenizers have it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from unrolled.checkpoints.gguf_header import GGUFFile
from unrolled.errors import BadCheckpoint, UnrolledError, UnsupportedModel
from unrolled.text import tokenizer as text

_UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED = 2, 3, 4, 5  # tokenizer.ggml.token_type

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,%s}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def gguf_tokenizer(file: GGUFFile, vocabulary: int) -> text.Tokenizer:
    """The tokenizer of a file whose embedding table has `vocabulary` rows."""
    kind = file.fields.get("tokenizer.ggml.model")
    if kind not in ("gpt2", "llama"):
        raise UnsupportedModel(f"{file.path} has a tokenizer of type {kind!r}; 'gpt2' and 'llama' are opened.")
    tokens = _tokens(file, vocabulary)
    try:
        tk = _byte_level(file, tokens) if kind == "gpt2" else _sentencepiece(file, tokens)
        _add_special(file, tk, tokens)
    except UnrolledError:
        raise
    except Exception as error:  # the library raises plain Exception
        raise BadCheckpoint(f"{file.path} has a tokenizer that does not hold together: {error}.") from error
    return _with_ids(file, tk, tokens)


def _tokens(file: GGUFFile, vocabulary: int) -> list[str]:
    tokens = file.fields.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens:
        raise BadCheckpoint(f"{file.path} has no vocabulary (tokenizer.ggml.tokens).")
    if len(tokens) > vocabulary:
        raise BadCheckpoint(f"{file.path} has {len(tokens)} tokens for {vocabulary} rows of its embedding table.")
    if len(set(tokens)) != len(tokens):
        raise BadCheckpoint(f"{file.path} has a token twice in its vocabulary.")
    return tokens


def _byte_level(file: GGUFFile, tokens: list[str]) -> Tokenizer:
    merges = file.fields.get("tokenizer.ggml.merges")
    if not isinstance(merges, list):
        raise BadCheckpoint(f"{file.path} has no merges (tokenizer.ggml.merges) for its byte-level vocabulary.")
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    rule = file.fields.get("tokenizer.ggml.pre", "default")
    vocabulary = {token: id_ for id_, token in enumerate(tokens)}
    bpe = models.BPE(vocab=vocabulary, merges=pairs, ignore_merges=rule == "llama-bpe")
    tk = Tokenizer(bpe)
    tk.pre_tokenizer = _word_rule(file.path, rule)
    if rule == "qwen2":
        tk.normalizer = normalizers.NFC()
    tk.decoder = decoders.ByteLevel()
    return tk


def _word_rule(path: Path, rule: Any) -> pre_tokenizers.PreTokenizer:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    match rule:
        case "default" | "gpt-2":
            return byte_level
        case "smollm":
            return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
        case "llama-bpe" | "qwen2":
            words = Regex(_WORDS % ("3" if rule == "llama-bpe" else "1"))
            return pre_tokenizers.Sequence([pre_tokenizers.Split(words, "isolated"), bytes_only])
    raise UnsupportedModel(
        f"{path} cuts text into words by the rule {rule!r}; default, gpt-2, smollm, llama-bpe and qwen2 are known."
        " The model's Hugging Face folder has the rule with it."
    )


def _sentencepiece(file: GGUFFile, tokens: list[str]) -> Tokenizer:
    scores = file.fields.get("tokenizer.ggml.scores")
    if scores is None or isinstance(scores, (str, int, float)) or len(scores) != len(tokens):
        raise BadCheckpoint(f"{file.path} has no score for each token of its SentencePiece vocabulary.")
    kinds = _kinds(file, tokens)
    merges = _merges(tokens, [float(score) for score in scores], kinds)
    vocabulary = {token: id_ for id_, token in enumerate(tokens)}
    unknown = next((token for token, kind in zip(tokens, kinds, strict=True) if kind == _UNKNOWN), None)
    tk = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    front = file.fields.get("tokenizer.ggml.add_space_prefix", True)
    space = normalizers.Replace(" ", "▁")
    tk.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space]) if front else space
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tk.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if front else steps)
    return tk


def _merges(tokens: list[str], scores: list[float], kinds: list[int]) -> list[tuple[str, str]]:
    """Every way to put a token together from two others, best score first: what SentencePiece's BPE does."""
    ordinary = {t: i for i, (t, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind not in (2, 3, 5, 6)}
    found: list[tuple[float, int, int, str, str]] = []
    for token, id_ in ordinary.items():
        if len(token) > 256:
            raise BadCheckpoint("a SentencePiece token is longer than 256 characters")
        cuts = ((token[:i], token[i:]) for i in range(1, len(token)))
        found += [(-scores[id_], ordinary[a], ordinary[b], a, b) for a, b in cuts if a in ordinary and b in ordinary]
    found.sort(key=lambda merge: merge[:3])
    return [(a, b) for *_, a, b in found]


def _kinds(file: GGUFFile, tokens: list[str]) -> list[int]:
    kinds = file.fields.get("tokenizer.ggml.token_type")
    if kinds is None:
        return [1] * len(tokens)
    if isinstance(kinds, (str, int, float)) or len(kinds) != len(tokens):
        raise BadCheckpoint(f"{file.path} has tokenizer.ggml.token_type of another length than its vocabulary.")
    return [int(kind) for kind in kinds]


def _add_special(file: GGUFFile, tk: Tokenizer, tokens: list[str]) -> None:
    kinds = _kinds(file, tokens)
    added = [
        AddedToken(token, special=kind != _USER_DEFINED, normalized=False)
        for token, kind in zip(tokens, kinds, strict=True)
        if kind in (_UNKNOWN, _CONTROL, _USER_DEFINED) and token
    ]
    tk.add_tokens([token for token in added if not token.special])
    tk.add_special_tokens([token for token in added if token.special])


def _with_ids(file: GGUFFile, tk: Tokenizer, tokens: list[str]) -> text.Tokenizer:
    def id_of(name: str) -> int | None:
        value = file.fields.get(f"tokenizer.ggml.{name}_token_id")
        return value if type(value) is int and 0 <= value < len(tokens) else None

    named = {"bos_token": id_of("bos"), "eos_token": id_of("eos"), "pad_token": id_of("padding")}
    ends = [id_ for id_ in (id_of("eos"), id_of("eot"), id_of("eom")) if id_ is not None]
    template = file.fields.get("tokenizer.chat_template")
    return text.Tokenizer.from_tokenizers(
        tk,
        bos_id=id_of("bos"),
        eos_ids=dict.fromkeys(ends),
        chat_template=template if isinstance(template, str) else None,
        template_tokens={name: tokens[id_] for name, id_ in named.items() if id_ is not None},
    )
