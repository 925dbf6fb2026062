"""Training of models that write: shards learn what the whole batch does, each target by its source."""

from functools import partial

import pytest
import torch

from data.batches.pair_batch import PairBatch, pair_shards
from models.encoders.frames import SmallCNN
from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.search import limits
from pipelines.tasks import generation
from pipelines.tasks.captioning import Captioning
from pipelines.tasks.generation import Generation

V = 9
COUNTS = torch.tensor([3, 2, 4, 2, 2])


def captioner(**options):
    torch.manual_seed(0)
    return Captioning(
        SmallCNN(features=6, width=4),
        partial(LSTM, hidden_size=4),
        partial(LSTM, hidden_size=5),
        num_tokens=V,
        words=WordEmbedding(V, features=5),
        optimizer=partial(torch.optim.SGD, lr=1.0),
        **options,
    )


def batch():
    """Three clips of 2, 1 and 3 frames, with 2, 1 and 2 captions."""
    torch.manual_seed(1)
    return PairBatch(
        steps=torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8),
        lengths=torch.tensor([2, 1, 3]),
        tokens=torch.randint(V, (int(COUNTS.sum()),)),
        token_lengths=COUNTS,
        targets=torch.randint(V, (int(COUNTS.sum()),)),
        source_of=torch.tensor([0, 0, 1, 2, 2]),
        ids=torch.arange(3),
    )


def gradients(task, one):
    task.zero_grad()
    loss = task._training_loss(one)
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in task.trained()]


@pytest.mark.parametrize("num_threads", [2, 3, 8])
def test_shards_learn_what_the_whole_batch_does(monkeypatch, num_threads):
    task = captioner()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    loss, expected = gradients(task, batch())
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    sharded_loss, found = gradients(task, batch())
    torch.testing.assert_close(sharded_loss, loss)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_each_caption_is_taught_with_its_own_clip():
    task, whole = captioner().eval(), batch()
    alone = [task._remembered_loss(one)[0] for one in pair_shards(whole, count=3)]
    weights = torch.tensor([5.0, 4.0, 4.0])
    torch.testing.assert_close(
        task._remembered_loss(whole)[0], torch.stack(alone) @ weights / weights.sum()
    )


def test_until_something_is_right_the_loss_decides():
    assert 0 - generation._TIE * 2.0 > 0 - generation._TIE * 3.0
    assert 0.001 - generation._TIE * 30.0 > 0


def test_clips_do_not_lengthen_their_captions():
    assert limits(captioner().model, [1, 500], max_tokens=7) == [7, 7]


def test_long_texts_may_have_long_translations():
    words = WordEmbedding(V, features=5)
    task = Generation(
        words, partial(LSTM, hidden_size=4), partial(LSTM, hidden_size=5), num_tokens=V,
        optimizer=partial(torch.optim.SGD, lr=1.0),
    )  # fmt: skip
    assert limits(task.model, [1, 500], max_tokens=7) == [7, 1000]
