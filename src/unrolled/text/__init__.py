"""Text to tokens and back, and the texts that come with unrolled."""

from unrolled.text.corpora import CORPORA, Corpus, Work, corpus
from unrolled.text.tokenizer import Tokenizer
from unrolled.text.tokens import Tokens
from unrolled.text.vocabularies import byte_tokenizer, character_tokenizer, train_bpe

__all__ = [
    "CORPORA",
    "Corpus",
    "Tokenizer",
    "Tokens",
    "Work",
    "byte_tokenizer",
    "character_tokenizer",
    "corpus",
    "train_bpe",
]
