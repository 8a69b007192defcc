"""The tokenizer of a Hugging Face folder: tokenizer.json, and what the small files beside it say about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tokenizers

from unrolled.checkpoints.headers import read_json
from unrolled.errors import BadCheckpoint
from unrolled.text import Tokenizer

_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


def folder_tokenizer(folder: Path) -> Tokenizer:
    """From tokenizer.json, else what transformers makes of the folder's other tokenizer files."""
    path = folder / "tokenizer.json"
    tk = _from_file(path) if path.is_file() else _converted(folder)
    said = _optional(folder, "special_tokens_map.json") | _optional(folder, "tokenizer_config.json")
    named = {name: token for name in _NAMED if (token := _content(said.get(name))) is not None}
    config, generation = _optional(folder, "config.json"), _optional(folder, "generation_config.json")
    ends = [_id(tk, named.get("eos_token")), *_ids(generation), *_ids(config)]
    return Tokenizer.from_tokenizers(
        tk,
        bos_id=_id(tk, named.get("bos_token")),
        eos_ids=dict.fromkeys(id_ for id_ in ends if id_ is not None and tk.id_to_token(id_) is not None),
        chat_template=_chat_template(folder, said.get("chat_template")),
        template_tokens=named,
    )


def _from_file(path: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise BadCheckpoint(f"{path} is no tokenizer: {_first_line(error)}.") from error


def _converted(folder: Path) -> tokenizers.Tokenizer:
    files = ("tokenizer_config.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")
    if not any((folder / name).is_file() for name in files):
        raise BadCheckpoint(f"{folder} has no tokenizer (tokenizer.json), without which text cannot be read.")
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        backend: tokenizers.Tokenizer = made.backend_tokenizer
    except Exception as error:  # transformers raises whatever its parts raise
        raise BadCheckpoint(f"{folder} has no tokenizer that opens (tokenizer.json): {_first_line(error)}.") from error
    return backend


def _chat_template(folder: Path, said: Any) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    if isinstance(said, list):  # several, each with a name
        named = {entry.get("name"): entry.get("template") for entry in said if isinstance(entry, dict)}
        said = named.get("default")
    return said if isinstance(said, str) else None


def _optional(folder: Path, name: str) -> dict[str, Any]:
    return read_json(folder / name) if (folder / name).is_file() else {}


def _content(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) and content else None


def _id(tk: tokenizers.Tokenizer, token: str | None) -> int | None:
    id_: int | None = tk.token_to_id(token) if token is not None else None
    return id_


def _ids(config: Mapping[str, Any]) -> Iterator[int]:
    said = config.get("eos_token_id")
    for id_ in said if isinstance(said, list) else [said]:
        if type(id_) is int and 0 <= id_ < 2**31:
            yield id_


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
