"""Tiny models of each architecture, saved and opened once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tiny_models import save
from unrolled.checkpoints import Model, open_model


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The saved model of a kind, made once."""
    root = tmp_path_factory.mktemp("kinds")
    return lambda kind: root / kind if (root / kind).is_dir() else save(root / kind, kind)


@pytest.fixture(scope="session")
def opened(folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The opened model of a kind, once."""
    models_: dict[str, Model] = {}
    root = tmp_path_factory.mktemp("cache")

    def open_(kind: str) -> Model:
        if kind not in models_:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("UNROLLED_CACHE", str(root))
                models_[kind] = open_model(str(folder_of(kind)))
        return models_[kind]

    return open_
