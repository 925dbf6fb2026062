"""The house: which packages there are, and what each may import."""

import re

ROOMS = ("data", "models", "pipelines")

#: by package, what its files may import beside Python itself and their own package: libraries, and
#: packages of this project; another room's name stands for all of it, the own room's for the files
#: that lie in it directly
_TABLE = """
# {chance, errors, finite} < {encoders, recurrence, heads} < sequence
models: torch
models.encoders: models torch torchvision
models.recurrence: models torch
models.heads: models torch
models.sequence: models models.encoders models.heads models.recurrence torch
models.forms: models models.encoders models.heads models.recurrence models.sequence torch
data:
data.batches: data.files data.splits datasets numpy pyarrow pytorch_lightning torch
data.captions: data.batches data.clips data.decoding data.examples data.files data.plain_text
    data.splits data.tables data.text data.tokens data.video numpy tokenizers torch
data.clips: data.decoding data.files data.splits data.tables
data.decoding: av data.files numpy
data.examples: av data.files numpy pyarrow torch tqdm
data.files: pyarrow torch
data.running_text: data.batches data.files data.plain_text data.tables data.text data.tokens numpy
    pytorch_lightning tokenizers torch
data.plain_text: tokenizers
data.splits: data.files numpy torch
data.streams: av data.decoding data.files data.plain_text numpy
data.tables: data.files data.plain_text data.splits datasets numpy pyarrow
data.lessons: data.plain_text yaml
data.text: data.batches data.examples data.files data.lessons data.plain_text data.splits data.tables
    data.tokens datasets numpy pyarrow scipy sklearn tokenizers torch
data.tokens: data.files data.plain_text datasets numpy pyarrow tokenizers
data.translation: data.batches data.examples data.files data.plain_text data.tables data.text
    data.tokens numpy tokenizers torch
data.video: data.batches data.clips data.decoding data.examples data.files data.splits data.tables
    numpy torch torchvision tqdm
pipelines: data pipelines.cli pipelines.predict pipelines.predict.writing pipelines.processes
    pipelines.recipes pipelines.runs pipelines.runtime pipelines.tasks pytorch_lightning
pipelines.behaviour: data models pipelines.metrics pipelines.pages pipelines.predict pipelines.runs
    pipelines.runtime pipelines.tasks yaml
pipelines.cli: data models pipelines.predict pipelines.processes pipelines.recipes pipelines.runs
    pipelines.runtime pipelines.tasks pipelines.training pytorch_lightning tokenizers torch yaml
pipelines.compare: data numpy pipelines.metrics pipelines.metrics.writing pipelines.pages
    pipelines.report pipelines.runs pipelines.runtime pipelines.tasks
pipelines.doctor: data numpy pipelines.runtime
pipelines.export.tracing: data models onnx onnxscript pipelines.runtime torch
pipelines.export.kinds: data models pipelines.export.tracing pipelines.tasks tokenizers torch
pipelines.export: data jinja2 numpy onnx onnxruntime pipelines.export.standalone
    pipelines.export.tracing pipelines.runs pipelines.runtime pipelines.tasks torch
# It leaves the house: `tests/pipelines/export` sees that it needs nothing else.
pipelines.export.standalone: data numpy onnxruntime tokenizers
pipelines.engine.records: data pipelines.predict pyarrow
pipelines.engine: data pipelines.engine.records pipelines.predict pipelines.predict.writing
    pipelines.processes pipelines.runtime pipelines.tasks pyarrow torch
pipelines.memory_lab: data models numpy pipelines.pages pipelines.runs pipelines.runtime torch tqdm
pipelines.metrics: data models numpy torch
pipelines.metrics.writing: numpy
pipelines.microscope: data models numpy pipelines.pages pipelines.runs pipelines.runtime
    pipelines.tasks tokenizers torch tqdm
pipelines.pages: numpy pipelines.runtime
pipelines.predict: data models numpy pipelines.metrics pipelines.pages pipelines.predict.writing
    pipelines.processes pipelines.runtime pipelines.tasks tokenizers torch tqdm
pipelines.predict.writing: data models pipelines.predict pipelines.runtime pipelines.tasks torch
pipelines.recipes: data pipelines.runtime yaml
pipelines.report: data models numpy pipelines.behaviour pipelines.metrics pipelines.pages
    pipelines.predict pipelines.processes pipelines.runs pipelines.runtime pipelines.tasks
    pytorch_lightning tokenizers torch tqdm
pipelines.report.captions: data models numpy pipelines.metrics pipelines.metrics.writing
    pipelines.pages pipelines.report pipelines.report.generation pipelines.runtime pipelines.tasks
    torch
pipelines.report.generation: data numpy pipelines.metrics pipelines.metrics.writing pipelines.pages
    pipelines.predict pipelines.predict.writing pipelines.report pipelines.runs pipelines.runtime
    pipelines.tasks tokenizers
# traffic < answerers < serve
pipelines.serve: data fastapi pipelines.pages pipelines.predict pipelines.runs pipelines.runtime
    pipelines.serve.answerers pipelines.serve.traffic pipelines.tasks pydantic starlette torch
    uvicorn
pipelines.serve.answerers: data models numpy pipelines.metrics pipelines.pages pipelines.predict
    pipelines.predict.writing pipelines.report pipelines.serve.traffic pipelines.tasks torch
pipelines.serve.traffic: data pipelines.runtime psutil starlette
pipelines.processes: psutil pytorch_lightning torch
pipelines.runtime: data models pipelines.processes pytorch_lightning torch yaml
pipelines.runs: data pipelines.processes pipelines.runtime
pipelines.tasks: data models numpy pipelines.metrics pipelines.metrics.writing pipelines.preparation
    pipelines.processes pipelines.runtime pipelines.training pytorch_lightning tokenizers torch tqdm
pipelines.preparation: data models numpy pipelines.metrics torch
pipelines.training: data models numpy pipelines.metrics pipelines.processes pipelines.runtime
    pytorch_lightning torch
pipelines.watch: data models numpy pipelines.metrics pipelines.predict pipelines.predict.writing
    pipelines.processes pipelines.runtime pipelines.tasks tokenizers torch
"""
ALLOWED = {
    package.strip(): set(names.split())
    for package, _, names in (
        row.partition(":")
        for row in re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", _TABLE.strip()))
    )
}
#: libraries that few files use, and by which they are called
FEW = {
    "PIL": {"pages.figures", "predict.overlay_panel"},
    "av": {"predict.overlay", "watch.segments"},
    "jinja2": {"pages.page"},
    "jsonargparse": {
        "evaluate",
        "predict.writing.options",
        "recipes.former_options",
        "runtime.options",
        "runtime.yaml_texts",
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
        "report.captions.attention",
        "report.figures",
        "report.generation.attention",
        "report.shared_sections",
        "report.writer",
    },
    "pyarrow": {"predict.inputs"},
    "ray": {"engine.ray_pool"},
    # Whoever imports it loads Lightning: it is not to be needed for answers.
    "pytorch_lightning": {"predict.teaching"},
    "scipy": {
        "metrics.baselines",
        "metrics.intervals",
        "metrics.linear",
        "metrics.significance",
        "microscope.unit_ranking",
        "preparation.cooccurrence",
    },
    "sacrebleu": {"metrics.writing.generation"},
    "sklearn": {
        "metrics.baselines",
        "metrics.linear",
        "metrics.measures",
        "metrics.writing.translation_baselines",
        "preparation.cooccurrence",
        "report.classification",
    },
    "torchvision": {"training.member_losses"},
    "torchmetrics": {"metrics.torch_metrics", "tasks.classification", "tasks.task"},
}
#: the packages of `data`, the lowest first: each may import those before it and no other
DATA_ORDER = (
    *("files", "plain_text", "decoding", "streams", "splits", "examples", "batches", "tables"),
    *("lessons", "tokens", "clips", "video", "text", "running_text", "translation", "captions"),
)
#: packages whose ``__init__`` runs in the decoder's process, which must start fast
LIGHT = ("data", "data.files", "data.decoding")
