"""Job: a model, an input and an output folder, made of plain options, in any process."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from data.tables.table_format import TableFormat, table_format
from pipelines.engine.answer_rows import Answerer, AnswerRows, answer_rows
from pipelines.engine.part_files import PartFiles
from pipelines.engine.pieces import ALONE, Division, Piece, Shard, division_of, shard_of
from pipelines.engine.records.opening import Asked, open_records
from pipelines.engine.records.record import Records
from pipelines.engine.run_record import VERSION, begin, file_digest, known_record
from pipelines.predict.predictor import Predictor
from pipelines.predict.steps import Reader, TextSteps
from pipelines.predict.writing.captioner import Captioner
from pipelines.predict.writing.writer import Writer
from pipelines.tasks.kinds import classifiers, kind_of

log = logging.getLogger(__name__)

#: items of a file, where the options name no number
TEXTS_A_FILE, CLIPS_A_FILE = 10_000, 256
# Reading so many rows takes a minute or more; that is told where it is so many times what is answered.
_MANY_ROWS, _MANY_TIMES = 2_000_000, 4
#: options of the search of models that write
SEARCH = ("beam", "blocked_ngram")


class Job(NamedTuple):
    """Everything with which a process answers any piece."""

    model: Answerer
    records: Records
    rows: AnswerRows
    division: Division
    shard: Shard
    parts: PartFiles
    format: TableFormat
    """Format of the input, where it is a table of texts."""

    @property
    def reads_files(self) -> bool:
        """Whether items are files that are decoded."""
        return paths_reader(self.model) is not None

    def answer(self, piece: Piece) -> pa.Table:
        """Answer the items of a piece: the rows of its file."""
        return self.rows.table(piece.start, list(self.records.read(piece.start, piece.stop)))


def open_job(options: dict[str, Any], *, lists_anew: bool = True) -> Job:
    """Load the model, open the input, and begin the run in the output folder or go on with it.

    Args:
        options: the parsed options of the command.
        lists_anew: whether a folder of clips is compared with the listing that is kept of it. Many
            processes would ask the file system for millions of names each.

    Raises:
        InputError: one cannot be used; the folder holds another run.
    """
    shard = shard_of(options["shard"])
    output = Path(options["output"])
    known = known_record(output)
    model = load_answerer(options)
    steps = paths_reader(model)
    asked = _asked(options, model)
    lists_anew = lists_anew and shard == ALONE
    records = open_records(asked, steps, output=output, lists_anew=lists_anew)
    per_file = options["items_per_file"] or (TEXTS_A_FILE if steps is None else CLIPS_A_FILE)
    num_items = _known_number(known, records) or records.count()
    if num_items == 0:
        raise InputError(f"INPUT={options['input']}: holds no item; there must be one at least")
    division = division_of(num_items, per_file)
    _tell_of_reading(options["input"], records, division, shard)
    rows = answer_rows(model, records, has_source=not options["without_source"])
    record = {
        "version": VERSION,
        "checkpoint": file_digest(options["ckpt"]),
        "input": records.fingerprint,
        "num_items": num_items,
        "items_per_file": per_file,
        "without_source": options["without_source"],
        **{name: options[name] for name in SEARCH},
        **_about_table(asked),
        "columns": [f"{field.name}: {field.type}" for field in rows.schema],
    }
    parts = PartFiles(output, begin(output, record))
    return Job(model, records, rows, division, shard, parts, asked.format)


def _tell_of_reading(named: str, records: Records, division: Division, shard: Shard) -> None:
    """Warn where a shard decodes many times its rows: large row groups, or no Parquet."""
    pieces = [division.piece(number) for number in division.numbers_of(shard)]
    own = sum(piece.num_items for piece in pieces)
    decoded = records.num_decoded((piece.start, piece.stop) for piece in pieces)
    if decoded > _MANY_ROWS and decoded > _MANY_TIMES * own:
        log.warning(
            "INPUT=%s: a shard decodes %s rows to answer %s: write it as Parquet with row groups of"
            " about %s rows, or give a larger --items_per_file",
            *(named, f"{decoded:,}", f"{own:,}", f"{division.items_per_file:,}"),
        )


def _known_number(known: dict[str, Any] | None, records: Records) -> int | None:
    """Number of items that an earlier start has counted of the same input; counting may read it all."""
    if known is None or known.get("input") != records.fingerprint:
        return None
    number = known.get("num_items")
    return number if isinstance(number, int) else None


def load_answerer(options: dict[str, Any]) -> Answerer:
    """Load the model of a checkpoint with the options of its search.

    Raises:
        InputError: see `pipelines.predict.load`; a classifier, which has no search.
    """
    saved = read_saved(options["ckpt"])
    search = {name: options[name] for name in SEARCH if options[name] is not None}
    task = saved.description["task"]
    if search and task in classifiers():
        raise InputError(
            f"--{next(iter(search))}: CKPT is a classifier, which searches for no words"
        )
    found: Answerer = kind_of(task).make_answerer(
        saved,
        where=f"CKPT={options['ckpt']}",
        trust=options["trust"],
        num_workers=options["num_workers"],
        **search,
    )
    return found


def paths_reader(model: Answerer) -> Reader | None:
    """Reader of a model that takes paths; None: the model takes texts."""
    if isinstance(model, Predictor):
        return model.steps if model.steps.takes_paths else None
    return model.steps if isinstance(model, Captioner) else None


def _asked(options: dict[str, Any], model: Answerer) -> Asked:
    """Options of the input; names of columns default to those of training.

    Raises:
        InputError: a column is named that such a model does not read.
    """
    takes_paths = paths_reader(model) is not None
    unread = "text_column" if takes_paths else "path_column"
    if options[unread] is not None:
        what = "files: name their column by --path_column" if takes_paths else "texts"
        raise InputError(f"--{unread}={options[unread]}: CKPT is a model for {what}; leave it out")
    given = {name: options[name] for name in ("columns", "encoding", "quoting")}
    text_column = "text"
    if isinstance(model, Predictor) and isinstance(model.steps, TextSteps):
        format = model.steps.format_of(options["input"], **given)
        text_column = model.steps.text_column
    else:
        format = table_format(**given | {"quoting": given["quoting"] or "double"}, prefix="--")
    if isinstance(model, Writer) and not model.takes_paths:
        text_column = model.model.description["data"].get("source_column", "source")
    return Asked(
        options["input"],
        options["text_column"] or text_column,
        options["path_column"] or "path",
        options["id_column"],
        format,
    )


def _about_table(asked: Asked) -> dict[str, Any]:
    """Options by which a table is read."""
    columns = asked.format.columns
    return {
        "text_column": asked.text_column,
        "path_column": asked.path_column,
        "id_column": asked.id_column,
        "columns_named": None if columns is None else ",".join(columns),
        "encoding": asked.format.encoding,
        "quoting": asked.format.quoting,
    }
