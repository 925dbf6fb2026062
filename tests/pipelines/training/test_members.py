"""Several models trained side by side."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

from data.files.checkpoint import CHECKPOINT_KEY
from models.errors import OptionError
from models.sequence.step_inputs import StepInputs
from pipelines.tasks.checkpoints import load
from tests.pipelines.conftest import BATCH, word_classifier


def test_each_member_learns_by_its_own_loss():
    model = word_classifier(members=3)
    loss = model.step(BATCH, "train")
    each = [
        cross_entropy(member(BATCH.steps, BATCH.lengths), BATCH.labels) for member in model.members
    ]
    torch.testing.assert_close(loss, torch.stack(each).mean())
    loss.backward()
    (own,) = torch.autograd.grad(each[1], model.members[1].head.weight)
    torch.testing.assert_close(model.members[1].head.weight.grad, own / 3)


def test_members_that_share_nothing_are_clipped_each_by_itself():
    model = word_classifier(members=2, shared_encoder=False)
    first, second = model.model.parameters_by_member()
    # As large as a mean over two members makes the gradients of one: half of its own.
    for group, size in ((first, 8.0), (second, 0.01)):
        for parameter in group:
            parameter.grad = torch.full_like(parameter, size)
    model.configure_gradient_clipping(None, 1.0, "norm")
    assert torch.cat([p.grad.flatten() for p in first]).norm() == pytest.approx(0.5)
    # A gradient that is small enough stays, whatever the other one does.
    assert all((p.grad == 0.01).all() for p in second)


def test_members_that_share_nothing_learn_side_by_side_as_they_learn_alone(monkeypatch):
    gradients = []
    for num_threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=num_threads: count)
        model = word_classifier(members=3, shared_encoder=False, dropout=0.5)
        torch.manual_seed(1)
        model.step(BATCH, "train").backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_what_is_answered_is_what_validation_scores():
    model = word_classifier(members=2).eval()
    mean = torch.stack([m(BATCH.steps, BATCH.lengths).softmax(1) for m in model.members]).mean(0)
    torch.testing.assert_close(model(BATCH.steps, BATCH.lengths).softmax(1), mean)
    loss = model.step(BATCH, "val")
    torch.testing.assert_close(loss, cross_entropy(mean.log(), BATCH.labels))


def test_an_order_blind_member_has_its_share_of_the_answer_and_none_of_the_loss():
    model = word_classifier(members=2, order_blind=True)
    loss = model.step(BATCH, "train")
    scores = torch.stack([member(BATCH.steps, BATCH.lengths) for member in model.model.members])
    each = [cross_entropy(one, BATCH.labels) for one in scores]
    torch.testing.assert_close(loss, torch.stack(each[:2]).mean())
    mean = (scores.softmax(2) * torch.tensor([0.25, 0.25, 0.5])[:, None, None]).sum(0)
    torch.testing.assert_close(model.step(BATCH, "val"), cross_entropy(mean.log(), BATCH.labels))


def test_every_member_s_inputs_are_measured():
    model = word_classifier(members=2, inputs=partial(StepInputs, standardize=True))
    model.model.encoder.requires_grad_(False)
    data = SimpleNamespace(
        parts={"train": SimpleNamespace(labels=BATCH.labels.numpy())},
        learnt_part=SimpleNamespace(doubts=None),
        loader=lambda part, alone: [BATCH],
    )
    model._trainer = SimpleNamespace(datamodule=data)
    model.setup("fit")
    features = model.model.encoder(BATCH.steps)
    for member in model.members:
        torch.testing.assert_close(member.inputs.shift, features.mean(0))


@pytest.mark.parametrize(("shared", "order_blind"), [(True, False), (True, True), (False, False)])
def test_a_checkpoint_keeps_all_members(tmp_path, shared, order_blind):
    model = word_classifier(members=2, shared_encoder=shared, order_blind=order_blind)
    encoder = {
        "class_path": "models.encoders.WordEmbedding",
        "init_args": {"num_tokens": 9, "features": 4},
    }
    recurrence = {"class_path": "models.recurrence.LSTM", "init_args": {"hidden_size": 3}}
    options = {"encoder": encoder, "recurrence": recurrence, "classes": ["a", "b"], "members": 2}
    options["shared_encoder"] = shared
    if order_blind:  # an earlier checkpoint has no such option
        options["order_blind"] = order_blind
    options["optimizer"] = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}}
    description = {CHECKPOINT_KEY: {"task": "sentiment", "model": options}}
    torch.save({"state_dict": model.state_dict()} | description, tmp_path / "best.ckpt")
    again = load(tmp_path / "best.ckpt")
    torch.testing.assert_close(
        again(BATCH.steps, BATCH.lengths), model.eval()(BATCH.steps, BATCH.lengths)
    )


def test_no_member_cannot_answer():
    with pytest.raises(OptionError, match="members=0: at least 1"):
        word_classifier(members=0)
