"""The exported folder: graphs, what a reader must know, the code that answers, and a README."""

import hashlib
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from jinja2 import Environment, PackageLoader

from data.files.checkpoint import Saved, read_saved
from pipelines.export.answer import FORMAT
from pipelines.export.checks import check_all
from pipelines.export.code_files import copy_code
from pipelines.export.int8 import quantise
from pipelines.export.tracing.exported import Exported
from pipelines.export.tracing.graphs import write_graph
from pipelines.runs.model_facts import facts_of
from pipelines.runtime.strict_json import json_text
from pipelines.tasks.kinds import kind_of

_VERSIONS = ("torch", "onnx", "onnxruntime")
_NEEDED = ("onnxruntime", "numpy", "tokenizers", "av")


def export(ckpt: Path, folder: Path, *, trust: str | None, int8: bool = False) -> dict[str, Any]:
    """Fill a folder; after an error there is none.

    Args:
        ckpt: the checkpoint.
        folder: a folder that is not there yet.
        trust: see `checkpoints.load`.
        int8: whether weights become 8 bits (see `quantise`).

    Returns:
        the content of its ``model.json``.

    Raises:
        InputError: the checkpoint cannot be read, or its model not exported.
    """
    saved = read_saved(ckpt)
    kind = kind_of(saved.description["task"])
    exported: Exported = kind.make_exported(saved, where=f"CKPT={ckpt}", trust=trust)
    folder.mkdir(parents=True)
    try:
        return _fill(folder, exported, saved, ckpt, int8=int8)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _fill(
    folder: Path, exported: Exported, saved: Saved, ckpt: Path, *, int8: bool
) -> dict[str, Any]:
    for name, graph in exported.graphs.items():
        write_graph(graph, folder / name)
    background = exported.about.get("background_frames")
    about = {
        "format": FORMAT,
        "task": saved.description["task"],
        **exported.about,
        "checks": check_all(exported, folder),
        "int8": quantise(folder, saved.description, background_frames=background) if int8 else None,
        "facts": facts_of(saved, ckpt),
        "checkpoint_sha256": hashlib.sha256(ckpt.read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in _VERSIONS},
        "graphs": {name: _described(folder / name) for name in exported.graphs},
    }
    if exported.tokenizer is not None:
        (folder / "tokenizer.json").write_text(exported.tokenizer, encoding="utf-8")
    (folder / "model.json").write_text(json_text(about), encoding="utf-8")
    copy_code(folder)
    (folder / "requirements.txt").write_text(_requirements(), encoding="utf-8")
    (folder / "README.md").write_text(_readme(about), encoding="utf-8")
    return about


def _described(path: Path) -> dict[str, Any]:
    """Inputs and outputs of a graph, by name: their type, and the sizes, where a name is a free axis."""
    model = onnx.load(path, load_external_data=False)

    def values(found: Any) -> dict[str, Any]:
        return {
            one.name: {
                "type": onnx.TensorProto.DataType.Name(one.type.tensor_type.elem_type).lower(),
                "shape": [
                    size.dim_param or size.dim_value for size in one.type.tensor_type.shape.dim
                ],
            }
            for one in found
        }

    return {
        "bytes": path.stat().st_size,
        "opset": {one.domain or "ai.onnx": one.version for one in model.opset_import},
        "inputs": values(model.graph.input),
        "outputs": values(model.graph.output),
    }


def _requirements() -> str:
    """Libraries that answering needs; any later versions do."""
    return "".join(f"{name}>={version(name)}\n" for name in _NEEDED)


def _readme(about: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("pipelines.export"),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    return environment.get_template("README.md").render(about=about, graphs=about["graphs"])
