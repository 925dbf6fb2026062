"""Asking a saved model loads no library that trains, draws or scores."""

import subprocess
import sys

from tests import ROOT
from tests.pipelines.saved_models import translation_model, write_saved

HEAVY = {"pytorch_lightning", "torchmetrics", "matplotlib", "scipy", "sklearn"}


def loaded(code):
    """The heavy libraries that are loaded once some code has run."""
    found = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return HEAVY & set(found.stdout.splitlines()[-1].split())


def test_answering_loads_none(tmp_path):
    write_saved(tmp_path / "a.ckpt")
    write_saved(tmp_path / "b.ckpt", "translation", model=translation_model())
    asks = "\n".join(
        f"pipelines.predict.load({str(tmp_path / name)!r})('a fine film')"
        for name in ("a.ckpt", "b.ckpt")
    )
    commands = "import pipelines.caption, pipelines.predict.command, pipelines.translate"
    assert loaded(f"{commands}\n{asks}") == set()


def test_a_library_is_seen():
    assert loaded("import scipy") == {"scipy"}
