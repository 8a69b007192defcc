"""What the browser's tests share."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.fixture(autouse=True)
def patience() -> None:
    """How long a busy machine may take, not how long it should. Playwright keeps one limit for all."""
    expect.set_options(timeout=120_000)
