"""Lines of the running answer: text for people, one JSON object a line for programs."""

from typing import Any, Literal, NamedTuple, TextIO

from pipelines.predict.output import json_object, print_answer
from pipelines.watch.readings import Answer

Format = Literal["text", "json"]


class Standing(NamedTuple):
    """Position in a stream."""

    seconds: float
    """Time of the last step that was read: in a video's own time, for texts since the beginning."""
    sequence: int
    """Number of the sequence, from 1."""
    num_steps: int
    """Steps of the sequence that were read."""
    num_dropped: int = 0
    """Frames that were dropped since the beginning."""
    ended: str | None = None
    """Why the sequence has ended; None: it goes on."""


class Teller:
    """Prints answers.

    Args:
        format: of the lines.
        steps_name: name of the steps, ``frames`` or ``tokens``.
        out: where the lines go.
    """

    def __init__(self, format: Format, *, steps_name: str, out: TextIO) -> None:
        self._format, self._steps_name, self._out = format, steps_name, out

    def tell(self, answer: Answer, standing: Standing) -> None:
        """Print one answer."""
        line = self._json if self._format == "json" else self._text
        print_answer(line(answer, standing), self._out)

    def _text(self, answer: Answer, standing: Standing) -> str:
        cells = [f"{standing.seconds:.2f} s", *answer.cells()]
        cells.append(f"{standing.num_steps} {self._steps_name}")
        if standing.num_dropped:
            cells.append(f"{standing.num_dropped} dropped")
        if standing.sequence > 1:
            cells.append(f"sequence {standing.sequence}")
        if standing.ended is not None:
            cells.append(f"ended: {standing.ended}")
        return "\t".join(cells) + "\n"

    def _json(self, answer: Answer, standing: Standing) -> str:
        content: dict[str, Any] = {
            "seconds": standing.seconds,
            "sequence": standing.sequence,
            "step": standing.num_steps,
            **answer.plain(),
            "dropped": standing.num_dropped,
        }
        if standing.ended is not None:
            content["ended"] = standing.ended
        return json_object(content)
