"""The language task by itself: carried states, what its losses are, what they amount to."""

import math
from itertools import groupby

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer

from data.running_text.data_module import LanguageDataModule
from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.language_model import LanguageModel
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks.next_token import NextToken, measures
from tests.pipelines.test_language import write_text


def small_task(num_tokens=20, features=6):
    return NextToken(
        WordEmbedding(num_tokens, features=features),
        lambda size: LSTM(size, hidden_size=12),
        num_tokens=num_tokens,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        schedule="constant",
    )


def quiet_trainer(**options):
    ignore_noise()
    return Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, use_distributed_sampler=False,
        **options,
    )  # fmt: skip


def fitted(task, data, **options):
    trainer = quiet_trainer(**options)
    trainer.fit(task, datamodule=data)
    return trainer


@pytest.fixture
def text_data(tmp_path):
    return LanguageDataModule(
        path=str(write_text(tmp_path)), tokenizer="characters", num_streams=4, bptt_steps=10
    )


def test_the_state_is_carried_and_begins_anew(text_data, monkeypatch):
    task = small_task(text_data.num_tokens)
    given = []
    losses = LanguageModel.losses

    def watched(self, steps, lengths, targets, state=None):
        found, after = losses(self, steps, lengths, targets, state)
        given.append(("train" if self.training else "val", state, after))
        return found, after

    monkeypatch.setattr(LanguageModel, "losses", watched)
    # Validation stands between training batches, twice an epoch.
    fitted(task, text_data, max_epochs=2, val_check_interval=0.5)
    for stage in ("train", "val"):
        passes = [(state, after) for name, state, after in given if name == stage]
        starts = [k for k, (state, _) in enumerate(passes) if state is None]
        assert len(starts) == (2 if stage == "train" else 4)
        for k, (state, _) in enumerate(passes):
            if k not in starts:
                assert torch.equal(state[0], passes[k - 1][1][0].detach())
                assert torch.equal(state[1], passes[k - 1][1][1].detach())
                assert not state[0].requires_grad
    order = [name for name, _ in groupby(given, key=lambda one: one[0])]
    assert order[:4] == ["train", "val"] * 2


def test_validation_does_not_depend_on_the_state_of_training(text_data):
    task = small_task(text_data.num_tokens)
    trainer = fitted(task, text_data, max_epochs=1)
    after_training = trainer.callback_metrics["val/loss"].item()
    (alone,) = trainer.validate(task, datamodule=text_data, verbose=False)
    assert alone["val/loss"] == pytest.approx(after_training, abs=1e-6)


def test_the_loss_is_that_of_one_long_pass(text_data):
    """One stream, read in batches with the state carried, equals the whole part read at once."""
    task = small_task(text_data.num_tokens).eval()
    text_data.num_streams = 1
    (measured,) = quiet_trainer().validate(task, datamodule=text_data, verbose=False)
    tokens = torch.from_numpy(np.array(text_data.parts["val"].tokens, np.int64))
    losses, _ = task.model.losses(tokens[:-1], torch.tensor([len(tokens) - 1]), tokens[1:])
    assert measured["val/loss"] == pytest.approx(losses.mean().item(), abs=1e-5)


def test_measures_by_hand():
    # 2 bits a token, 3 tokens for 12 characters.
    found = measures(2 * math.log(2), tokens_per_character=3 / 12)
    assert found["perplexity"] == pytest.approx(4)
    assert found["bits_per_character"] == pytest.approx(0.5)


# Files of the run.
