"""Sequences of one stream: steps are read, answers told when they are due."""

import logging
import math

from torch import Tensor

from pipelines.watch.readings import Answer, SequenceReading
from pipelines.watch.telling import Standing, Teller

log = logging.getLogger(__name__)


class Sequences:
    """Reads the steps of a stream, one sequence after another.

    Args:
        reading: reads them.
        teller: prints answers.
        every_seconds: from one line to the next, in the stream's time. A reading with a stride has a
            line for each of its readings instead.
        every_steps: from one line to the next; None: by seconds.
        most_steps: the most steps of a sequence that the model was trained to read; a longer one is
            read on, which is told once.
        steps_name: name of the steps.
    """

    def __init__(
        self,
        reading: SequenceReading,
        teller: Teller,
        *,
        every_seconds: float,
        every_steps: int | None,
        most_steps: int | None,
        steps_name: str,
    ) -> None:
        self.reading, self._teller = reading, teller
        self._every_seconds, self._every_steps = every_seconds, every_steps
        self._most_steps, self._steps_name = most_steps, steps_name
        self._due_seconds = every_seconds
        self._seconds = 0.0
        self._sequence = 1
        #: frames that were dropped since the beginning
        self.num_dropped = 0
        #: steps of this sequence
        self.num_steps = 0
        #: steps of all sequences
        self.num_read = 0
        #: time of the first step of this sequence
        self.began_at = 0.0

    @property
    def num_sequences(self) -> int:
        """Number of sequences that have a step."""
        return self._sequence - (self.num_steps == 0)

    def read(self, step: Tensor, seconds: float, *, place: float) -> None:
        """Read one more step, and print a line where one is due.

        Args:
            step: a row of what the reading's `encode` gave.
            seconds: its time in the stream.
            place: what windows are measured by.
        """
        if self.num_steps == 0:
            self.began_at = seconds
        is_due = self.reading.read(step, place)
        self.num_steps += 1
        self.num_read += 1
        self._seconds = seconds
        if self.num_steps == (self._most_steps or math.inf):
            log.warning(
                "the sequence is now as long as the longest that the model was trained to read (%d %s);"
                " --reset begins new ones",
                *(self._most_steps, self._steps_name),
            )
            self._most_steps = None  # told once
        if not self.reading.has_stride:
            is_due = self._is_due(seconds)
        if is_due:
            self._tell(self.reading.answer())

    def answer(self) -> Answer | None:
        """The answer as it stands."""
        return self.reading.answer()

    def end(self, reason: str) -> None:
        """End the sequence: print its last answer, and begin another with the next step."""
        if self.num_steps == 0:
            return
        self._tell(self.reading.finish(), ended=reason)
        self.reading.restart()
        self._sequence += 1
        self.num_steps = 0

    def _is_due(self, seconds: float) -> bool:
        if self._every_steps is not None:
            return self.num_steps % self._every_steps == 0
        if seconds < self._due_seconds:
            return False
        self._due_seconds = (seconds // self._every_seconds + 1) * self._every_seconds
        return True

    def _tell(self, answer: Answer | None, *, ended: str | None = None) -> None:
        if answer is not None:
            standing = Standing(
                self._seconds, self._sequence, self.num_steps, self.num_dropped, ended
            )
            self._teller.tell(answer, standing)
