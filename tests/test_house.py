"""Who may import whom, and what: a package that is not in the table fails."""

import ast
import os
import subprocess
import sys

import pytest

from tests import ROOT

ROOMS = ("data", "models", "pipelines")

#: by package, what its files may import beside Python itself and their own package: libraries, and
#: packages of this project; another room's name stands for all of it, the own room's for the files
#: that lie in it directly
ALLOWED = {
    # {chance, errors, finite} < {encoders, recurrence, heads} < sequence
    "models": {"torch"},
    "models.encoders": {"models", "torch", "torchvision"},
    "models.recurrence": {"models", "torch"},
    "models.heads": {"models", "torch"},
    "models.sequence": {
        "models",
        "models.encoders",
        "models.heads",
        "models.recurrence",
        "torch",
    },
    "data": set(),
    "data.batches": {
        "data.files",
        "data.splits",
        "datasets",
        "numpy",
        "pyarrow",
        "pytorch_lightning",
        "torch",
    },
    "data.captions": {
        "data.batches",
        "data.clips",
        "data.decoding",
        "data.examples",
        "data.files",
        "data.splits",
        "data.tables",
        "data.text",
        "data.video",
        "numpy",
        "tokenizers",
        "torch",
    },
    "data.clips": {"data.decoding", "data.files", "data.splits", "data.tables"},
    "data.decoding": {"av", "data.files", "numpy"},
    "data.examples": {"av", "data.files", "numpy", "pyarrow", "torch", "tqdm"},
    "data.files": {"pyarrow", "torch"},
    "data.running_text": {
        "data.files",
        "data.tables",
        "data.text",
        "numpy",
        "pytorch_lightning",
        "tokenizers",
        "torch",
    },
    "data.splits": {"data.files", "numpy", "torch"},
    "data.tables": {"data.files", "data.splits", "datasets", "numpy", "pyarrow"},
    "data.text": {
        "data.batches",
        "data.examples",
        "data.files",
        "data.splits",
        "data.tables",
        "datasets",
        "numpy",
        "pyarrow",
        "tokenizers",
        "torch",
    },
    "data.translation": {
        "data.batches",
        "data.examples",
        "data.files",
        "data.tables",
        "data.text",
        "numpy",
        "tokenizers",
        "torch",
    },
    "data.video": {
        "data.batches",
        "data.clips",
        "data.decoding",
        "data.examples",
        "data.files",
        "data.splits",
        "data.tables",
        "numpy",
        "torch",
        "torchvision",
        "tqdm",
    },
    "pipelines": {
        "data",
        "models",
        "pipelines.predict",
        "pipelines.recipes",
        "pipelines.report",
        "pipelines.runtime",
        "pipelines.tasks",
        "pipelines.training",
        "pytorch_lightning",
        "yaml",
        "pipelines.predict.writing",
    },
    "pipelines.compare": {
        "data",
        "numpy",
        "pipelines.metrics",
        "pipelines.pages",
        "pipelines.report",
        "pipelines.runtime",
        "pipelines.tasks",
        "pipelines.metrics.writing",
    },
    "pipelines.doctor": {"data", "numpy", "pipelines.runtime"},
    "pipelines.memory_lab": {
        "data",
        "models",
        "numpy",
        "pipelines.pages",
        "pipelines.runtime",
        "torch",
        "tqdm",
    },
    "pipelines.metrics": {"data", "numpy", "torch"},
    "pipelines.metrics.writing": {"numpy"},
    "pipelines.microscope": {
        "data",
        "models",
        "numpy",
        "pipelines.pages",
        "pipelines.runtime",
        "pipelines.tasks",
        "tokenizers",
        "torch",
        "tqdm",
    },
    "pipelines.pages": {"numpy", "pipelines.runtime"},
    "pipelines.predict": {
        "data",
        "models",
        "numpy",
        "pipelines.metrics",
        "pipelines.pages",
        "pipelines.runtime",
        "pipelines.tasks",
        "tokenizers",
        "torch",
        "tqdm",
        "pipelines.predict.writing",
    },
    "pipelines.predict.writing": {
        "data",
        "models",
        "pipelines.predict",
        "pipelines.runtime",
        "pipelines.tasks",
        "torch",
    },
    "pipelines.recipes": {"data", "yaml"},
    "pipelines.report": {
        "data",
        "models",
        "numpy",
        "pipelines.metrics",
        "pipelines.pages",
        "pipelines.predict",
        "pipelines.runtime",
        "pipelines.tasks",
        "tokenizers",
        "torch",
        "tqdm",
        "pytorch_lightning",
    },
    "pipelines.report.captions": {
        "data",
        "models",
        "numpy",
        "pipelines.metrics",
        "pipelines.pages",
        "pipelines.report",
        "pipelines.report.generation",
        "pipelines.runtime",
        "pipelines.tasks",
        "torch",
        "pipelines.metrics.writing",
    },
    "pipelines.report.generation": {
        "data",
        "numpy",
        "pipelines.metrics",
        "pipelines.pages",
        "pipelines.predict",
        "pipelines.report",
        "pipelines.runtime",
        "pipelines.tasks",
        "tokenizers",
        "pipelines.metrics.writing",
        "pipelines.predict.writing",
    },
    "pipelines.runtime": {"data", "models", "pytorch_lightning", "torch", "yaml"},
    "pipelines.tasks": {
        "data",
        "models",
        "numpy",
        "pipelines.metrics",
        "pipelines.runtime",
        "pipelines.training",
        "pytorch_lightning",
        "tokenizers",
        "torch",
        "tqdm",
        "pipelines.metrics.writing",
    },
    "pipelines.training": {
        "data",
        "models",
        "numpy",
        "pipelines.runtime",
        "pytorch_lightning",
        "torch",
    },
}
#: libraries that few files use, and by which they are called
FEW = {
    "PIL": {"pages.figures", "predict.overlay_panel"},
    "av": {"predict.overlay"},
    "jinja2": {"pages.page"},
    "jsonargparse": {
        "evaluate",
        "predict.writing.options",
        "recipes.former_options",
        "runtime.options",
    },
    "markupsafe": {"pages.figures", "pages.page"},
    "matplotlib": {
        "compare.page",
        "memory_lab.page",
        "microscope.page",
        "microscope.unit_pictures",
        "pages.figures",
        "pages.lettering",
        "predict.overlay_panel",
        "report.figures",
        "report.generation.attention",
        "report.shared_sections",
        "report.writer",
    },
    "pyarrow": {"predict.inputs"},
    # Whoever imports it loads Lightning: it is not to be needed for answers.
    "pytorch_lightning": {"predict.teaching"},
    "scipy": {
        "metrics.baselines",
        "metrics.intervals",
        "metrics.significance",
        "microscope.unit_ranking",
    },
    "sacrebleu": {"metrics.writing.generation"},
    "sklearn": {
        "metrics.baselines",
        "metrics.measures",
        "metrics.writing.translation_baselines",
        "report.classification",
    },
    "torchvision": {"training.member_losses"},
    "torchmetrics": {"metrics.torch_metrics", "tasks.classification", "tasks.task"},
}
#: the packages of `data`, the lowest first: each may import those before it and no other
DATA_ORDER = (
    *("files", "decoding", "splits", "examples", "batches", "tables", "clips"),
    *("video", "text", "running_text", "translation", "captions"),
)
#: packages whose ``__init__`` runs in the decoder's process, which must start fast
LIGHT = ("data", "data.files", "data.decoding")
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
def test_imports_run_downward_and_files_are_short(path):
    package = ".".join(path.relative_to(ROOT).parent.parts)
    assert package in ALLOWED, f"{package}: say in ALLOWED what this package may import"
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("pipelines.")
    few = {name for name, users in FEW.items() if module in users}
    allowed = ALLOWED[package] | few | {package} | sys.stdlib_module_names
    other_rooms = allowed - {package.split(".")[0]}
    found = set(imported(path))
    assert not {name for name in found - allowed if name.split(".")[0] not in other_rooms}
    assert len(path.read_text().splitlines()) <= 350


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
