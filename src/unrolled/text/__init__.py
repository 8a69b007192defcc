"""Text to tokens and back, and the texts that come with unrolled."""

from unrolled.text.corpora import CORPORA, Corpus, Work, corpus
from unrolled.text.pairs import PAIRS, Pairs, pairs
from unrolled.text.tokenizer import Tokenizer
from unrolled.text.tokens import Tokens
from unrolled.text.vocabularies import byte_tokenizer, character_tokenizer, train_bpe

__all__ = [
    "CORPORA",
    "PAIRS",
    "Corpus",
    "Pairs",
    "Tokenizer",
    "Tokens",
    "Work",
    "byte_tokenizer",
    "character_tokenizer",
    "corpus",
    "pairs",
    "train_bpe",
]
