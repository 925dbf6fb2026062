import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from data.batches.joined import NO_LABEL
from pipelines.training.training_loss import TrainingLoss

SCORES = torch.tensor([[1.0, 0.0], [0.5, -0.5], [2.0, 1.0]])


def test_teachers_answers_stand_for_labels_that_are_not_there():
    loss = TrainingLoss(2)
    loss.teach(100, torch.tensor([[0.9, 0.1], [0.2, 0.8]]))
    found = loss(SCORES, torch.tensor([1, NO_LABEL, NO_LABEL]), torch.tensor([7, 101, 100]))
    logs = SCORES.log_softmax(1)
    wanted = -(
        logs[0, 1] + (0.2 * logs[1, 0] + 0.8 * logs[1, 1]) + (0.9 * logs[2, 0] + 0.1 * logs[2, 1])
    )
    assert found.item() == pytest.approx(wanted.item() / 3)


def test_weights_of_classes_count_by_the_teachers_shares():
    loss = TrainingLoss(2)
    loss.weights.copy_(torch.tensor([2.0, 0.5]))
    loss.teach(0, torch.tensor([[0.25, 0.75]]))
    found = loss(SCORES[:1], torch.tensor([NO_LABEL]), torch.tensor([0]))
    plain = cross_entropy(SCORES[:1], torch.tensor([[0.25, 0.75]]))
    assert found.item() == pytest.approx((0.25 * 2 + 0.75 * 0.5) * plain.item())


def test_labels_mean_the_same_with_and_without_teachers():
    labels, ids = torch.tensor([1, 0, 1]), torch.arange(3)
    loss = TrainingLoss(2)
    alone = loss(SCORES, labels, ids)
    loss.teach(10, torch.full((1, 2), 0.5))
    torch.testing.assert_close(loss(SCORES, labels, ids), alone)


def test_a_doubtful_label_is_spread_over_all_classes():
    loss = TrainingLoss(2)
    assert loss.is_plain
    loss.doubt(np.array([5, 9]), np.array([0.4, 1.0], np.float32))
    labels, ids = torch.tensor([1, 0, 1]), torch.tensor([5, 9, 2])
    logs = SCORES.log_softmax(1)
    wanted = -(0.2 * logs[0, 0] + 0.8 * logs[0, 1] + logs[1].mean() + logs[2, 1]) / 3
    assert loss(SCORES, labels, ids).item() == pytest.approx(wanted.item())
    assert not loss.is_plain
    assert loss.is_labelled(labels, ids).tolist() == [True, False, True]


def test_doubts_do_not_touch_what_teachers_answer():
    loss = TrainingLoss(2)
    loss.doubt(np.array([0, 1]), np.array([0.5, 0.5], np.float32))
    loss.teach(2, torch.tensor([[0.9, 0.1]]))
    labels, ids = torch.tensor([0, NO_LABEL]), torch.tensor([1, 2])
    logs = SCORES.log_softmax(1)
    wanted = -(0.75 * logs[0, 0] + 0.25 * logs[0, 1] + 0.9 * logs[1, 0] + 0.1 * logs[1, 1]) / 2
    assert loss(SCORES[:2], labels, ids).item() == pytest.approx(wanted.item())
    assert loss.is_labelled(labels, ids).tolist() == [True, False]
