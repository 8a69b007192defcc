"""A tokenizer of any make, over the Hugging Face `tokenizers` library.

What a reader types never becomes a special token: "<|im_start|>" typed is eleven characters of text. Special tokens
come only from the two switches, beginning-of-text and chat.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tokenizers
from tokenizers import AddedToken

from unrolled.errors import BadInput, BadKnob
from unrolled.text import chat as chats
from unrolled.text.pieces import Spelling, display, piece_bytes, spans_of_bytes
from unrolled.text.tokens import Tokens

Pieces = list[tuple[int, tuple[int, int]]]  # id and span of each token


class Tokenizer:
    """Text to tokens and back, with beginning-of-text and chat template as switches."""

    def __init__(
        self,
        tk: tokenizers.Tokenizer,
        *,
        bos_id: int | None,
        eos_ids: tuple[int, ...],
        chat_template: str | None,
        template_tokens: Mapping[str, str],
    ) -> None:
        """`template_tokens`: bos_token, eos_token …, the names that chat templates use. Use `from_tokenizers`."""
        self._tk = tk
        self._lock = threading.Lock()
        self._added = tk.get_added_tokens_decoder()
        self._spelling = _spelling(tk)
        self.bos_id = bos_id
        self.eos_ids = eos_ids
        self.chat_template = chat_template
        self.template_tokens = dict(template_tokens)
        self._special = {token.content: id_ for id_, token in self._added.items() if token.special}
        longest_first = sorted(self._special, key=len, reverse=True)
        self._special_pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @classmethod
    def from_tokenizers(
        cls,
        tk: tokenizers.Tokenizer,
        *,
        bos_id: int | None = None,
        eos_ids: Iterable[int] = (),
        chat_template: str | None = None,
        template_tokens: Mapping[str, str] | None = None,
    ) -> Tokenizer:
        """Over any tokenizer of the library. Tokens that begin or end a text are made special, if they are not."""
        eos_ids = tuple(eos_ids)
        names = {name for i in (bos_id, *eos_ids) if i is not None and (name := tk.id_to_token(i)) is not None}
        known = {token.content for token in tk.get_added_tokens_decoder().values() if token.special}
        tk.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in sorted(names - known)])
        tk.no_truncation()
        tk.no_padding()
        named = dict(template_tokens or {})
        return cls(tk, bos_id=bos_id, eos_ids=eos_ids, chat_template=chat_template, template_tokens=named)

    def save(self, path: Path) -> None:
        """Writes the library's tokenizer.json; what it lacks (template, ids) the caller keeps."""
        self._tk.save(str(path), pretty=False)

    @property
    def vocabulary(self) -> int:
        """How many ids there are, special tokens among them."""
        return max(self._tk.get_vocab(with_added_tokens=True).values()) + 1

    def id_of(self, token: str) -> int | None:
        """The id of a vocabulary entry by its own spelling, e.g. "<pad>"."""
        id_: int | None = self._tk.token_to_id(token)
        return id_

    def ids(self, text: str) -> list[int]:
        """The ids of plain text and nothing else: for text by the megabyte."""
        return self.ids_of_each([text])[0]

    def ids_of_each(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of several texts, worked out on all cores."""
        for text in texts:
            _check_characters(text)
        with self._lock:
            self._tk.encode_special_tokens = True
            return [encoding.ids for encoding in self._tk.encode_batch_fast(texts, add_special_tokens=False)]

    def encode(self, text: str, *, bos: bool = False, chat: bool = False, reply: str = "") -> Tokens:
        """`text` as plain text or, with `chat`, as what the user says, `reply` being the assistant's answer so far."""
        whole = text + (reply if chat else "")
        _check_characters(whole)
        pieces = self._chat(text, reply) if chat else self._plain(text, 0)
        if bos and not (pieces and pieces[0][0] == self.bos_id):
            pieces = [(self._bos(), (0, 0)), *pieces]
        ids = tuple(id_ for id_, _ in pieces)
        strings = tuple(self.piece(id_) for id_ in ids)
        return Tokens(text=whole, ids=ids, strings=strings, spans=tuple(span for _, span in pieces))

    def framed(self, tokens: Tokens, before: tuple[int, ...], after: tuple[int, ...]) -> Tokens:
        """With special tokens in front and behind, which stand for nothing in the text."""
        if not (before or after):
            return tokens
        ids, end = (*before, *tokens.ids, *after), len(tokens.text)
        spans = (*[(0, 0)] * len(before), *tokens.spans, *[(end, end)] * len(after))
        return Tokens(text=tokens.text, ids=ids, strings=tuple(map(self.piece, ids)), spans=spans)

    def usual_frame(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Special tokens that the vocabulary's own template puts before and behind a text, e.g. [CLS] and [SEP]."""
        with self._lock:
            encoding = self._tk.encode("a", add_special_tokens=True)
        ids, special = encoding.ids, encoding.special_tokens_mask
        first = next((i for i, is_special in enumerate(special) if not is_special), len(ids))
        last = next((i for i in range(len(ids), 0, -1) if not special[i - 1]), first)
        return tuple(ids[:first]), tuple(ids[last:])

    def piece(self, id_: int) -> str:
        """The displayable piece: "‹F0 9F›" where it is a part of a character."""
        return display(self.piece_bytes(id_)) if self._string(id_) is not None else f"‹no token {id_}›"

    def piece_bytes(self, id_: int) -> bytes:
        """The bytes that token `id_` adds to a text; empty for a row of the model that has no token."""
        string = self._string(id_)
        if string is None:
            return b""
        return string.encode() if id_ in self._added else piece_bytes(string, self._spelling)

    def is_special(self, id_: int) -> bool:
        """Whether the token stands for something other than text, such as the end of a turn."""
        return id_ in self._added and bool(self._added[id_].special)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out; bytes that make no character become U+FFFD."""
        return b"".join(self.piece_bytes(id_) for id_ in ids if not self.is_special(id_)).decode(errors="replace")

    def _string(self, id_: int) -> str | None:
        string: str | None = self._tk.id_to_token(id_) if 0 <= id_ < 2**32 else None
        return string

    def _bos(self) -> int:
        if self.bos_id is None:
            raise BadKnob("This model's vocabulary has no beginning-of-text token: leave bos off.")
        return self.bos_id

    def _plain(self, text: str, start: int) -> Pieces:
        """Tokens of text in which nothing is special; spans begin at character `start`."""
        with self._lock:
            self._tk.encode_special_tokens = True
            encoding = self._tk.encode(text, add_special_tokens=False)
        spans = spans_of_bytes(text, [self.piece_bytes(id_) for id_ in encoding.ids]) or encoding.offsets
        return [(id_, (start + a, start + b)) for id_, (a, b) in zip(encoding.ids, spans, strict=True)]

    def _chat(self, text: str, reply: str) -> Pieces:
        if self.chat_template is None:
            raise BadKnob("This model has no chat template: leave chat off, or take a model tuned for chat.")
        first, *rest = chats.render(self.chat_template, self.template_tokens)
        parts: list[tuple[str, int | None]] = [(first, None)]
        for template in rest:
            parts += [(text, 0), (template, None)]
        return self._parts([*parts, (reply, len(text))])

    def _parts(self, parts: list[tuple[str, int | None]]) -> Pieces:
        """Template (start None), in which special tokens count; typed text (start: its place), in which they do not.

        Text between two special tokens is encoded in one piece, as the model was taught: the words of template and
        reader may share a token.
        """
        pieces: Pieces = []
        run: list[tuple[str, int | None]] = []
        for string, start in parts:
            if start is not None or self._special_pattern is None:
                run.append((string, start))
                continue
            at = 0
            for match in self._special_pattern.finditer(string):
                pieces += self._run([*run, (string[at : match.start()], None)])
                pieces.append((self._special[match[0]], (0, 0)))
                run, at = [], match.end()
            run.append((string[at:], None))
        return _in_place(pieces + self._run(run))

    def _run(self, run: list[tuple[str, int | None]]) -> Pieces:
        place = [start + i if start is not None else None for string, start in run for i in range(len(string))]
        pieces: Pieces = []
        for id_, (a, b) in self._plain("".join(string for string, _ in run), 0):
            typed = [p for p in place[a:b] if p is not None]
            pieces.append((id_, (typed[0], typed[-1] + 1) if typed else (0, 0)))
        return pieces


def _in_place(pieces: Pieces) -> Pieces:
    """Empty spans moved to where the text has got to, so that spans never step back."""
    placed, place = [], 0
    for id_, (a, b) in pieces:
        placed.append((id_, (a, b) if a < b else (place, place)))
        place = max(place, b)
    return placed


def _check_characters(text: str) -> None:
    for i, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise BadInput(f"Character {i} of the text is half a character (a lone surrogate, U+{ord(character):04X}).")


def _spelling(tk: tokenizers.Tokenizer) -> Spelling:
    """How the vocabulary writes spaces and bytes, told by the decoder that comes with it."""
    decoder = json.loads(tk.decoder.__getstate__()) if tk.decoder is not None else {}
    steps = {step.get("type") for step in [decoder, *decoder.get("decoders", [])]}
    if "ByteLevel" in steps:
        return "byte-level"
    if steps & {"Metaspace", "ByteFallback"} or "▁" in json.dumps(decoder, ensure_ascii=False):
        return "sentencepiece"
    return "wordpiece" if "WordPiece" in steps else "plain"
