"""Captions of a user's own pictures and clips by a saved model."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from data.files.checkpoint import Saved
from models.sequence.source_to_text import SourceToText
from pipelines.predict.inputs import Item
from pipelines.predict.steps import ItemSteps, PictureSteps
from pipelines.predict.writing.writer import Writer, WrittenAnswer
from pipelines.tasks.text_checkpoints import source_to_text_of


class Captioner(Writer):
    """Pictures and clips → captions, by a saved model.

    Args:
        model: see `Writer`.
        num_workers: processes that decode; None takes half the cores.
        options: see `Writer`.
    """

    takes_paths = True
    steps_name = "frames"

    def __init__(
        self, model: SourceToText, *, num_workers: int | None = None, **options: Any
    ) -> None:
        super().__init__(model, **options)
        self.steps = PictureSteps.of(model.description, num_workers=num_workers)

    def answers(self, items: Iterable[Item]) -> Iterator[WrittenAnswer]:
        """Caption items in their order, several together; each is answered as it is alone."""
        for group in self.steps.groups(items):
            yield from self.answers_to(group)

    def answers_to(self, group: list[ItemSteps]) -> Iterator[WrittenAnswer]:
        """Caption items that were read already."""
        found = iter(self._captioned([one for one in group if one.item.problem is None]))
        for one in group:
            if one.item.problem is None:
                yield next(found)
            else:
                yield WrittenAnswer(one.item.source, [], [], [], None, one.item.problem)

    def _captioned(self, items: list[ItemSteps]) -> Iterator[WrittenAnswer]:
        if not items:
            return iter(())
        steps = self.steps.together(items).to(self.device)
        return self.captioned(
            steps, [len(one.steps) for one in items], sources=[one.item.source for one in items]
        )

    def captioned(
        self,
        steps: torch.Tensor,
        lengths: Sequence[int],
        *,
        sources: Sequence[str],
        is_encoded: bool = False,
    ) -> Iterator[WrittenAnswer]:
        """Caption frames that were read.

        Args:
            steps: (N, 3, S, S) frames of B sources end to end, or what the encoder made of them.
            lengths: frames of each source.
            sources: names of the sources.
            is_encoded: whether the encoder has read the frames.
        """
        with torch.inference_mode():
            memory = self.model.model.remember(
                steps, torch.tensor(lengths, device=self.device), is_encoded=is_encoded
            )
            self.num_places = max(max(memory.num_steps) // max(lengths), 1)
            found = self.search(memory, lengths, keys=sources)
        for source, length, best in zip(sources, lengths, found, strict=True):
            yield self.written(source, [str(k + 1) for k in range(length)], best)


def captioner_of(
    saved: Saved,
    *,
    where: str,
    trust: str | None,
    device: str | torch.device | None = None,
    num_workers: int | None = None,
    **options: Any,
) -> Captioner:
    """Make a captioner of the content of its checkpoint; see `predictor_of` and `Writer`."""
    model = source_to_text_of(saved, where=where, trust=trust)
    return Captioner(model, device=device, num_workers=num_workers, **options)
