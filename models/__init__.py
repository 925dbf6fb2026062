"""Models, tensors in and tensors out: encoders, recurrences, heads, and whole models of them."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: modules that have moved: the name that old checkpoints, recipes and programs have → today's
MOVED = {
    "models.backbones": "models.encoders.backbones",
    "models.cells": "models.recurrence.cells",
    "models.efficientnet_lite": "models.encoders.efficientnet_lite",
    "models.frames": "models.encoders.frames",
    "models.inputs": "models.sequence.step_inputs",
    "models.ngrams": "models.encoders.ngrams",
}


def first_name(module: str) -> str:
    """The first name of a module, so that files kept under it are found again after a move."""
    return next((old for old, new in MOVED.items() if new == module), module)


class _Moved(MetaPathFinder, Loader):
    """Finder of moved modules: the old name gives a module with all that is in the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        found = vars(import_module(MOVED[module.__name__]))
        vars(module).update({name: found[name] for name in found if not name.startswith("__")})


sys.meta_path.append(_Moved())
