"""Who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "models": {"data", "pipelines", "pytorch_lightning", "sklearn", "datasets", "av"},
    "data": {"models", "pipelines"},
}
SKLEARN = {"report.py", "measures.py", "evaluate.py", "baselines.py", "splits.py"}
FILES = [path for room in ("models", "data", "pipelines") for path in (ROOT / room).glob("*.py")]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_run_downward_and_files_are_short(path):
    names = set(imported(path))
    assert not names & FORBIDDEN.get(path.parent.name, set())
    assert "sklearn" not in names or path.name in SKLEARN
    assert len(path.read_text().splitlines()) <= 350
