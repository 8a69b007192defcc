"""Text to tokens and back, the texts that come with unrolled, and the reader's own."""

from unrolled.text.corpora import CORPORA, Corpus, Work, corpus
from unrolled.text.pairs import PAIRS, Pairs, pairs
from unrolled.text.reading import read_text, text_blocks, text_files
from unrolled.text.streaming import token_file, tokenise_to_file
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
    "read_text",
    "text_blocks",
    "text_files",
    "token_file",
    "tokenise_to_file",
    "train_bpe",
]
