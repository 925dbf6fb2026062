"""JSON that every program reads: a number that is none becomes null."""

import json
from typing import Any

import numpy as np


def strict_json(found: Any) -> str:
    """Plain values as indented JSON, with a line end."""
    text = json.dumps(without_nan(found), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def without_nan(found: Any) -> Any:
    """The figures with None for what is no number: a network that diverged has none."""
    if isinstance(found, dict):
        return {name: without_nan(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [without_nan(value) for value in found]
    return None if isinstance(found, float) and not np.isfinite(found) else found
