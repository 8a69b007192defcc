"""Models that come with the package: found by name before anything is fetched."""

from __future__ import annotations

import shutil

import pytest

from unrolled.checkpoints import catalogue, entries, entry, open_model


@pytest.fixture
def shipped(cache, write_gguf, tmp_path, monkeypatch):
    """A run folder of ours, as opening a GGUF file leaves it, in the place of shipped models."""
    open_model(str(write_gguf()))
    (copy,) = (cache / "opened").glob("*")
    folder = tmp_path / "shipped"
    shutil.copytree(copy, folder / "tiny")
    (folder / "tiny" / "entry.toml").write_text('title = "A tiny GPT"\nlicence = "Apache-2.0"\nsource = "us"\n')
    (folder / "__pycache__").mkdir()
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    return folder


def test_a_shipped_model_is_here_under_its_short_name(shipped) -> None:
    found = entry("tiny")
    assert (found.title, found.licence, found.here) == ("A tiny GPT", "Apache-2.0", True)
    assert [each.name for each in entries()] == ["smollm2", "minilm", "tiny"]
    assert open_model("tiny").name == "tiny"


def test_a_damaged_one_is_left_out_of_the_list(shipped) -> None:
    (shipped / "tiny" / "model.safetensors").write_bytes(b"\xff" * 20)
    assert "tiny" not in [each.name for each in entries()]
