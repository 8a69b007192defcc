"""Vocabularies made from a text: byte-level BPE (Sennrich et al. 2016; Radford et al. 2019, §2.2), bytes, characters.

The first two can spell any text and give it back unchanged. All end with the special tokens that were asked for. The
same texts, cut in the same places, give the same vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

from unrolled.errors import BadInput
from unrolled.text.pieces import byte_alphabet
from unrolled.text.tokenizer import Tokenizer

BEGIN, END, PAD, UNKNOWN = "<bos>", "<eos>", "<pad>", "<unk>"
LANGUAGE_MODEL = (BEGIN, END)
PAIRS = (PAD, BEGIN, END)
"""Special tokens for encoder-decoders."""
SMALLEST = 256
WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|[\r\n]+|\s+(?!\S)|\s+"
"""What merges stay inside of: GPT-2's pattern, but that an empty line is one piece and not two."""


def train_bpe(texts: Iterable[str], vocabulary: int, *, special: Sequence[str] = LANGUAGE_MODEL) -> Tokenizer:
    """Byte-level BPE: 256 bytes, the merges of what stands together most often, then `special`; `vocabulary` in all.

    A text too small for that many merges gives a smaller vocabulary.

    Raises:
        BadInput: `vocabulary` has no room for the bytes and special tokens.
    """
    room = vocabulary - len(special)
    if room < SMALLEST:
        least = SMALLEST + len(special)
        raise BadInput(f"A vocabulary of {vocabulary} is too small: bytes and special tokens take {least}.")
    tk = tokenizers.Tokenizer(models.BPE())
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tk.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(WORDS), "isolated"), as_bytes])
    tk.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=room, initial_alphabet=sorted(byte_alphabet()), show_progress=False)
    tk.train_from_iterator(texts, trainer)
    return _with_special(tk, special)


def byte_tokenizer(*, special: Sequence[str] = LANGUAGE_MODEL) -> Tokenizer:
    """One token a byte of UTF-8, numbered as the bytes are; then `special`."""
    alphabet = byte_alphabet()
    tk = tokenizers.Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tk.decoder = decoders.ByteLevel()
    return _with_special(tk, special)


def character_tokenizer(texts: Iterable[str], *, special: Sequence[str] = LANGUAGE_MODEL) -> Tokenizer:
    """One token a character that occurs in `texts`, in the order of Unicode; any other becomes <unk>.

    Raises:
        BadInput: there is no character in `texts`.
    """
    characters = sorted({character for text in texts for character in text})
    if not characters:
        raise BadInput("A vocabulary of characters needs a text that is not empty.")
    vocabulary = {character: i for i, character in enumerate([*characters, UNKNOWN])}
    tk = tokenizers.Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=UNKNOWN))
    tk.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tk.decoder = decoders.Fuse()
    return _with_special(tk, (UNKNOWN, *special))


def _with_special(tk: tokenizers.Tokenizer, special: Sequence[str]) -> Tokenizer:
    """Our tokenizer over `tk`, with special tokens behind its vocabulary."""
    tk.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    end = tk.token_to_id(END) if END in special else None
    return Tokenizer.from_tokenizers(
        tk,
        bos_id=tk.token_to_id(BEGIN) if BEGIN in special else None,
        eos_ids=() if end is None else (end,),
        template_tokens={"bos_token": BEGIN, "eos_token": END},
    )
