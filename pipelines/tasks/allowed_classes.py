"""Classes that a file may name: those of this project, and those that the user trusts.

A file that comes from elsewhere names the classes of its model. Whoever imports any name that it
holds runs the code of whoever wrote the file. So a class must keep the contract of its place (be a
subclass of `Encoder`, `Recurrence` …), and lie in the package `models` of this checkout or in a file
or module that was named on the command line by ``--trust``.
"""

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import models
from data.files.errors import InputError
from pipelines.runtime.escaping import excerpt

PACKAGE = "models"
_FOLDER = Path(models.__file__).resolve().parent
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)

# Modules of classes that were typed as options in this process.
_TYPED: set[str] = set()

TRUST_HELP = (
    "Python files or modules, with commas between, whose classes the checkpoint may name: their code"
    " is run"
)


class RefusedError(ValueError):
    """A value of a file that no model is built of."""


class Trust:
    """The files and modules outside of this project whose code may be run.

    Args:
        names: files ending in .py, and modules with all that is in them, with commas between.

    Raises:
        InputError: no such file.
    """

    def __init__(self, names: str | None = None) -> None:
        self.names = [name.strip() for name in (names or "").split(",") if name.strip()]
        for name in self.names:
            if name.endswith(".py") and not Path(name).is_file():
                raise InputError(f"--trust={name}: no such file; give a Python file, or a module")

    def module(self, name: str) -> ModuleType | None:
        """The module of a name, if it is trusted."""
        if name in _TYPED:
            return sys.modules[name]
        for trusted in self.names:
            if trusted.endswith(".py"):
                if Path(trusted).stem == name.rpartition(".")[2]:
                    return _module_of(Path(trusted), name)
            elif name == trusted or name.startswith(f"{trusted}."):
                return importlib.import_module(name)
        return None


class TypedTrust(Trust):
    """Trust in what is imported already: of options that were typed, and not read from a file.

    This process trusts it from then on: whoever trains a class may read what was trained.
    """

    def module(self, name: str) -> ModuleType | None:
        if name in sys.modules:
            _TYPED.add(name)
        return sys.modules.get(name)


def allowed_class(path: Any, contract: type, *, trust: Trust) -> type:
    """The class of a path in a file.

    Args:
        path: ``module.Class``.
        contract: what it must be a subclass of.
        trust: where else than in `models` it may lie.

    Raises:
        RefusedError: it may not be used, or is not there.
    """
    name = excerpt(path)
    module_name, _, class_name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    if not (_MODULE.fullmatch(module_name) and class_name.isidentifier()):
        raise RefusedError(f"{name}: names no class; a subclass of {contract.__name__} is due")
    try:
        module = _ours(module_name) or trust.module(module_name)
    except Exception as error:  # whatever the code of a module does
        raise RefusedError(f"{name}: its module cannot be imported ({excerpt(error)})") from error
    if module is None:
        raise RefusedError(
            f"{name}: not a class of this project; if you know who wrote it and trust its code, name"
            f" its file by --trust={excerpt(module_name.rpartition('.')[2])}.py"
        )
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, contract)):
        raise RefusedError(f"{name}: no subclass of {contract.__name__}, which is due there")
    return found


def _ours(name: str) -> ModuleType | None:
    """A module of this checkout's package `models`; no other is imported to find out."""
    if not name.startswith(f"{PACKAGE}."):
        return None
    name = models.MOVED.get(name, name)
    place = _FOLDER.joinpath(*name.split(".")[1:])
    is_there = place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
    return importlib.import_module(name) if is_there else None


def _module_of(file: Path, name: str) -> ModuleType:
    """A file as the module of a name, imported once."""
    known = sys.modules.get(name)
    if known is not None:
        if Path(getattr(known, "__file__", None) or "").resolve() != file.resolve():
            raise ImportError(f"another module is called {name}; rename {file}")
        return known
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
