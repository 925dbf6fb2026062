"""Rows of answers: the columns of a kind of model, and the answers to some records as a table."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.engine.records.record import Record, Records
from pipelines.predict.predictor import Predictor, Unanswered
from pipelines.predict.writing.writer import Writer

Answerer = Predictor | Writer
_INTEGER, _NUMBER, _TEXT = pa.int64(), pa.float64(), pa.string()


class AnswerRows(NamedTuple):
    """Makes tables of one schema: that of a model and an input."""

    schema: pa.Schema
    answer: Callable[[Sequence[Record]], Iterable[dict[str, Any]]]
    """Answers to records, in their order, as cells; those that are null are missing."""

    def table(self, first: int, records: Sequence[Record]) -> pa.Table:
        """Answer records.

        Args:
            first: index of the first one in the input.
            records: the records.
        """
        # A reader of clips would look for the file all the same.
        answers = iter(self.answer([one for one in records if one.item.problem is None]))
        rows = []
        for k, record in enumerate(records):
            problem = record.item.problem
            cells = next(answers) if problem is None else {"error": printable_text(problem)}
            start, end = record.item.section
            about = {
                "index": first + k,
                "id": record.id,
                "source": printable_text(record.source),
                "start_seconds": start,
                "end_seconds": end,
            }
            rows.append(about | cells)
        columns = {name: [row.get(name) for row in rows] for name in self.schema.names}
        return pa.Table.from_pydict(columns, schema=self.schema)


def answer_rows(model: Answerer, records: Records, *, has_source: bool = True) -> AnswerRows:
    """Make what answers records.

    Args:
        model: the model.
        records: the input.
        has_source: whether rows repeat the text or path.
    """
    fields = [("index", _INTEGER)]
    if records.id_type is not None:
        fields.append(("id", records.id_type))
    if has_source:
        fields.append(("source", _TEXT))
    if records.has_sections:
        fields += [("start_seconds", _NUMBER), ("end_seconds", _NUMBER)]
    if isinstance(model, Writer):
        fields += [("text", _TEXT), ("score", _NUMBER), ("finished", pa.bool_())]
        answer: Any = lambda some: _written(model, some)  # noqa: E731
    else:
        fields += [("label", _TEXT), ("probability", _NUMBER)]
        fields += [(f"probability_{name}", _NUMBER) for name in model.classes]
        fields.append(("steps", _INTEGER))
        if model.steps.num_tokens is not None:
            fields.append(("unknown_share", _NUMBER))
        answer = lambda some: _classified(model, some)  # noqa: E731
    return AnswerRows(pa.schema([*fields, ("error", _TEXT)]), answer)


def _classified(model: Predictor, records: Sequence[Record]) -> Iterable[dict[str, Any]]:
    for found, _ in model.answers(record.item for record in records):
        if isinstance(found, Unanswered):
            yield {"error": printable_text(found.reason)}
        else:
            yield {
                "label": found.label,
                "probability": found.probability,
                "steps": found.steps,
                "unknown_share": found.unknown_share,
            } | {f"probability_{name}": share for name, share in found.probabilities.items()}


def _written(model: Writer, records: Sequence[Record]) -> Iterable[dict[str, Any]]:
    for found in model.answers(record.item for record in records):
        if found.problem is not None:
            yield {"error": printable_text(found.problem)}
        else:
            yield {
                "text": printable_text(found.text),
                "score": found.score,
                "finished": found.is_finished,
            }


def printable_text(text: str) -> str:
    """A text in UTF-8, which lone surrogates of undecodable names are not: they are escaped."""
    return text.encode(errors="backslashreplace").decode()
