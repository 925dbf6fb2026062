"""Who may import whom, and what: a package that is not in the table fails."""

import ast
import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.house import ALLOWED, DATA_ORDER, FEW, LIGHT, ROOMS

FILES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (package_of(name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield package_of(node.module)


def package_of(module):
    """The library, or this project's package, that a module is in."""
    if module.split(".")[0] not in ROOMS:
        return module.split(".")[0]
    is_package = (ROOT.joinpath(*module.split(".")) / "__init__.py").is_file()
    return module if is_package else module.rpartition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path):
    package = ".".join(path.relative_to(ROOT).parent.parts)
    assert package in ALLOWED, f"{package}: say in ALLOWED what this package may import"
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("pipelines.")
    few = {name for name, users in FEW.items() if module in users}
    allowed = ALLOWED[package] | few | {package} | sys.stdlib_module_names
    other_rooms = allowed - {package.split(".")[0]}
    found = set(imported(path))
    assert not {name for name in found - allowed if name.split(".")[0] not in other_rooms}


def test_files_are_short():
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    lengths = {path: len(path.read_text().splitlines()) for path in files}
    assert not {path for path, length in lengths.items() if length > 350}


def test_packages_of_data_import_only_those_below_them():
    assert {f"data.{name}" for name in DATA_ORDER} | {"data"} == {
        package for package in ALLOWED if package.split(".")[0] == "data"
    }
    for place, name in enumerate(DATA_ORDER):
        below = {f"data.{one}" for one in DATA_ORDER[:place]}
        ours = {one for one in ALLOWED[f"data.{name}"] if one.split(".")[0] == "data"}
        assert ours <= below, name


def test_the_decoder_process_loads_no_heavy_library():
    for package in LIGHT:
        assert not set(imported(ROOT.joinpath(*package.split("."), "__init__.py")))
    code = "import sys, data.decoding.decoder_process; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "pyarrow", "datasets", "pytorch_lightning"} & set(found.stdout.split())


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_say_what_they_are_for(package):
    doc = ast.get_docstring(
        ast.parse((ROOT.joinpath(*package.split(".")) / "__init__.py").read_text())
    )
    assert doc
    assert len(doc.splitlines()[0]) <= 100


@pytest.mark.parametrize("room", ROOMS)
def test_an_installed_package_of_the_same_name_does_not_win(tmp_path, room):
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text("raise ImportError('not this one')")
    found = subprocess.run(
        [sys.executable, "-c", f"import {room}; print({room}.__file__)"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout.strip() == str(ROOT / room / "__init__.py"), found.stderr
