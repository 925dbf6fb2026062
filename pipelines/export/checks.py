"""Checks of written graphs: ONNX Runtime against the trained model, at other sizes than those traced."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.files.errors import InputError
from pipelines.export.standalone.session import Session, state_after
from pipelines.export.tracing.exported import Check, Exported

#: batch and time of each comparison; graphs are traced with 2 and 7
SIZES = ({"batch": 1, "time": 1}, {"batch": 3, "time": 11}, {"batch": 5, "time": 40})
#: the largest difference of a value up to 1; of a larger one, its share of that
TOLERANCE = 1e-5


def check_all(exported: Exported, folder: Path) -> dict[str, dict[str, Any]]:
    """Compare each graph of a folder with the trained model.

    Returns:
        for each graph the sizes, and the largest difference that was found.

    Raises:
        InputError: a difference above `TOLERANCE`.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, make in exported.checks.items():
        session = Session(folder / name)
        differences: list[dict[str, Any]] = []
        for sizes in SIZES:
            with torch.no_grad():
                check = make(sizes)
            largest = difference(session, check)
            if not largest <= TOLERANCE:
                raise InputError(
                    f"{name}: with {_told(check.sizes)} ONNX Runtime is off by {largest:.1e}, and at"
                    f" most {TOLERANCE:.0e} is allowed; nothing was exported"
                )
            differences.append({"sizes": dict(check.sizes), "largest_difference": largest})
        found[name] = {
            "largest_difference": max(one["largest_difference"] for one in differences),
            "compared": differences,
        }
    return found


def difference(session: Session, check: Check) -> float:
    """The largest difference from what is due, of values above 1 as a share of them."""
    state: dict[str, np.ndarray] = {}
    for feed in check.feeds:
        found = session.run(state | {name: value.numpy() for name, value in feed.items()})
        state = state_after(found)
    return max(_differences(found, check))


def _differences(found: dict[str, np.ndarray], check: Check) -> Iterator[float]:
    for name, due in check.due.items():
        wanted = due.numpy().astype(np.float64)
        given = found[name].astype(np.float64)
        if given.shape != wanted.shape:
            raise InputError(f"{name}: came out as {given.shape}, and {wanted.shape} is due")
        counts = ~np.isnan(wanted)
        size = np.abs(wanted[counts])
        scale = np.maximum(size.max(initial=0) if check.by_largest else size, 1)
        off = np.abs(given[counts] - wanted[counts]) / scale
        yield float(off.max(initial=0)) if np.isfinite(off).all() else math.inf


def _told(sizes: Any) -> str:
    return ", ".join(f"{name} {size}" for name, size in sizes.items())
