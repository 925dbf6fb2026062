"""Reading of a training run's curves, epoch by epoch, and of its options."""

import csv
from pathlib import Path
from typing import Any

from pipelines.runtime.yaml_texts import load_yaml


def read_history(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read the (epoch, value) pairs of each metric (``train/loss``, ``val/accuracy`` …), epochs from 1.

    The result is empty for a run without a CSV logger, which leaves no such file.
    """
    if not path.is_file():
        return {}
    found: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            epoch = float(row["epoch"]) + 1 if row.get("epoch") else None
            for name, value in row.items():
                # Cells beyond the header have no name.
                if (
                    name
                    and "/" in name
                    and value
                    and epoch is not None
                    and not name.startswith("test/")
                ):
                    found.setdefault(name, []).append((epoch, float(value)))
    return found


def read_options(path: Path) -> dict[str, Any]:
    """Read the options of a config.yaml; empty if the file does not exist."""
    return load_yaml(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}
