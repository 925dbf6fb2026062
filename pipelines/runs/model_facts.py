"""Facts of a model: its checkpoint's, and the figures of the report in its run's folder."""

import json
from pathlib import Path
from typing import Any

from data.files.checkpoint import Saved
from pipelines.runtime.strict_json import plain_values

# Figures of a report that are told: key, name, and how it is written.
_FIGURES = (
    ("accuracy", "accuracy", "share"),
    ("bleu", "BLEU", "points"),
    ("cider", "CIDEr", "number"),
    ("chrf", "chrF", "points"),
    ("bleu4", "BLEU-4", "points"),
    ("exact_match", "exactly right", "share"),
    ("macro_f1", "macro F1", "number"),
    ("log_loss", "log loss", "number"),
)
# A report is some hundred KiB; of 10,000 classes some MiB.
_MOST_BYTES = 2**27


def facts_of(saved: Saved, checkpoint: Path) -> dict[str, Any]:
    """Description by a checkpoint of its model, and figures of the report in its run's folder."""
    description = saved.description
    trained_on = description.get("trained_on") or {}
    return plain_values(
        {
            "checkpoint": checkpoint.name,
            "run": _run(checkpoint),
            "trained_on": _without_folders(trained_on.get("name")),
            "train_examples": trained_on.get("examples"),
            "report": _report(checkpoint, description["task"]),
        }
    )


def _run(checkpoint: Path) -> str | None:
    """Name of the run, by the folder it lies in."""
    folder = checkpoint.resolve().parent
    return folder.parent.name if folder.name == "checkpoints" else None


def _without_folders(name: object) -> str | None:
    """Name of data, without the folders of this machine; of two files both names."""
    if not isinstance(name, str):
        return None
    return ":".join(Path(part).name for part in name.split(":")) if "/" in name else name


def _report(checkpoint: Path, task: str) -> dict[str, Any] | None:
    """Figures of the report; None where there is none, or one of something else."""
    path = checkpoint.resolve().parent.parent / "report" / "report.json"
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("task") != task:
        return None
    figures = [
        {"name": name, "value": found[key], "kind": kind, "interval": _interval(found, key)}
        for key, name, kind in _FIGURES
        if isinstance(found.get(key), int | float)
    ]
    count = found.get("num_examples")
    return {
        "figures": figures,
        "data": _without_folders(found.get("data")),
        "split": found["split"] if isinstance(found.get("split"), str) else None,
        "num_examples": count if isinstance(count, int) else None,
        # A run's report tests its best checkpoint.
        "is_of_another": checkpoint.name != "best.ckpt",
    }


def _interval(found: dict[str, Any], key: str) -> list[float] | None:
    """Ends of the 95 % interval, which reports of classifiers and of writers keep apart."""
    intervals = found.get("intervals")
    ends = intervals.get(key) if isinstance(intervals, dict) else None
    ends = ends[1:] if isinstance(ends, list) else found.get(f"{key}_interval")
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    return ends if all(isinstance(end, int | float) for end in ends) else None
