"""Asking a saved model loads no library that draws or scores."""

import subprocess
import sys

import pytest

from tests import ROOT

# Tells each import of such a library by a module of this project, loaded before or not: torchmetrics,
# which Lightning takes, loads some of them by itself.
WATCH = """
import builtins
imported = builtins.__import__
def watched(name, globals=None, *others, **named):
    who = (globals or {}).get("__name__", "")
    is_heavy = name.split(".")[0] in ("matplotlib", "scipy", "sklearn")
    if is_heavy and who.split(".")[0] in ("data", "models", "pipelines"):
        print(who, name.split(".")[0])
    return imported(name, globals, *others, **named)
builtins.__import__ = watched
"""


def importers(module):
    """Which modules of ours import which of these libraries when a module is imported."""
    found = subprocess.run(
        [sys.executable, "-c", f"{WATCH}\nimport {module}\nprint('end')"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *pairs, end = found.stdout.splitlines()
    assert end == "end"
    return pairs


@pytest.mark.parametrize("module", ["pipelines.predict", "pipelines.predict.command"])
def test_answering_needs_no_library_that_draws_or_scores(module):
    assert importers(module) == []


def test_an_import_is_seen():
    pairs = importers("pipelines.report.classification_report")
    assert "pipelines.metrics.measures sklearn" in pairs
    assert "pipelines.pages.figures matplotlib" in pairs
