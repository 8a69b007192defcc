"""The reader's own files: read as Python's text mode reads them, and a bad one named in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled.errors import BadInput, EmptyText
from unrolled.text import read_text, reading, text_blocks, text_files


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@given(text=st.text(alphabet=st.sampled_from("aé漢🎉 \r\n\ufeff"), min_size=1, max_size=40), size=st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_may_end_anywhere(tmp_path, text: str, size: int) -> None:
    path = written(tmp_path / "text.txt", text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", size)
        assert "".join(text_blocks(path)) == path.read_text(encoding="utf-8-sig")


def test_a_folder_is_its_text_files_in_order(tmp_path) -> None:
    for name in ("b.txt", "a/2.md", "a/10.TXT", ".hidden.txt", ".git/x.txt", "a/picture.png"):
        written(tmp_path / name, f"{name}".encode())
    assert [path.relative_to(tmp_path).as_posix() for path in text_files(tmp_path)] == ["a/10.TXT", "a/2.md", "b.txt"]
    written(tmp_path / "a" / "2.md", b"two\n")
    assert read_text(tmp_path) == "a/10.TXT\n\ntwo\n\nb.txt"


def test_a_file_may_have_any_ending(tmp_path) -> None:
    assert read_text(written(tmp_path / "notes.tex", b"\\alpha")) == "\\alpha"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("le café noir".encode("latin-1"), r"text\.txt” is not UTF-8: byte 0xE9 at position 6\. Save it as UTF-8\."),
        (b"\xef\xbb\xbfab\xffcd", r"not UTF-8: byte 0xFF at position 5"),
        ("café".encode()[:-1], r"not UTF-8: byte 0xC3 at position 3"),
        ("text".encode("utf-16"), r"text\.txt” is in UTF-16: save it as UTF-8\."),
        (b"\x7fELF\x02\x00", r"text\.txt” is a binary file, not text: byte 5 is 0\."),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1 << 20])
def test_what_is_no_text_is_named(tmp_path, monkeypatch, data: bytes, says: str, size: int) -> None:
    monkeypatch.setattr(reading, "BLOCK", max(size, 2) if data[:2] in reading.WIDE else size)
    with pytest.raises(BadInput, match=says):
        read_text(written(tmp_path / "text.txt", data))


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_text_is_named(tmp_path, data: bytes) -> None:
    with pytest.raises(EmptyText, match=r"text\.txt” is empty: there is no text in it\."):
        read_text(written(tmp_path / "text.txt", data))


def test_what_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"There is no file or folder “.*nothing”\."):
        read_text(tmp_path / "nothing")
    written(tmp_path / "picture.png", b"x")
    with pytest.raises(BadInput, match=r"no text in the folder “.*”: no file in it ends in \.txt or \.md\."):
        read_text(tmp_path)


def test_a_bad_file_in_a_folder_is_named(tmp_path) -> None:
    written(tmp_path / "a.txt", b"good")
    written(tmp_path / "b.txt", b"\xff")
    with pytest.raises(BadInput, match=r"b\.txt” is not UTF-8"):
        read_text(tmp_path)
