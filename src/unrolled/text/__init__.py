"""Text to tokens and back."""

from unrolled.text.tokenizer import Tokenizer
from unrolled.text.tokens import Tokens

__all__ = ["Tokenizer", "Tokens"]
