"""Software versions and hardware of a run."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from data.files.workers import available_cores

PACKAGES = (
    "torch", "torchvision", "pytorch-lightning", "av", "datasets", "tokenizers", "scikit-learn", "numpy",
)  # fmt: skip


def surroundings() -> dict[str, Any]:
    """Collect ``versions`` by package, ``processor``, ``cores``, ``threads``, ``devices``."""
    return {
        "versions": {"python": platform.python_version(), **_versions()},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())],
        "processes": int(os.environ.get("WORLD_SIZE", 1)),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # e.g. built from source under another name
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
