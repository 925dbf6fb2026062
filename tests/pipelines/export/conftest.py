"""Settings of tests that trace graphs."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _without_trace(monkeypatch):
    """PyTorch logs thousands of lines on what it traces, and pytest would keep them all."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
