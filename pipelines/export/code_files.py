"""The project's own files that an exported folder needs to answer, found by their imports."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

from data.files.errors import InputError

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("data", "models", "pipelines")
# The second is started by name, in a process of its own.
STARTED = ("pipelines.export.answer", "data.decoding.decoder_process")

_RUNNER = '''"""Answers of this folder's model: python answer.py "a text", python answer.py clip.mp4."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE / "code"))

from pipelines.export.answer import load as _load
from pipelines.export.answer import main


def load(folder=_HERE):
    """The model of this folder, or of another."""
    return _load(folder)


if __name__ == "__main__":
    main(folder=_HERE)
'''


def copy_code(folder: Path) -> None:
    """Copy what answers, as it is here, and a file that starts it."""
    for module in sorted(modules_below(*STARTED)):
        source = _file_of(module)
        target = folder / "code" / source.relative_to(_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (folder / "answer.py").write_text(_RUNNER, encoding="utf-8")


def modules_below(*start: str) -> set[str]:
    """Modules of this project, and all of its modules that they import, and those they import."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        if module in found or module.split(".")[0] not in _ROOMS or not _exists(module):
            continue
        found.add(module)
        waiting += [*_imported(module), module.rpartition(".")[0]]
    return found


def libraries_of(modules: set[str]) -> set[str]:
    """Libraries that modules import, by their first name; Python's own are among them."""
    every = {name.split(".")[0] for module in modules for name in _imported(module)}
    return every - set(_ROOMS)


def _imported(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_file_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _exists(module: str) -> bool:
    try:
        _file_of(module)
    except InputError:
        return False
    return True


def _file_of(module: str) -> Path:
    path = _ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    raise InputError(f"{module}: its file is not there; export from a complete checkout")
