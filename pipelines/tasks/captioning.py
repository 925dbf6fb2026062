"""Captioning: pictures and clips in, sentences out."""

from pipelines.metrics.writing.captions import cider_of_texts
from pipelines.tasks.generation import Generation
from pipelines.tasks.task import Headline


class Captioning(Generation):
    """A `Generation` whose answers are measured by CIDEr-D over all references of an example."""

    headline = Headline("cider", "max")

    def score(self, answers: list[str], references: list[list[str]]) -> float:
        """Compute CIDEr-D."""
        scores = cider_of_texts(answers, references)
        return sum(scores) / max(len(scores), 1)
