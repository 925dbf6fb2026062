"""Terms of the loss beside the labels' own."""

from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from data.batches.ragged import collate
from models.errors import OptionError
from models.sequence.perturbation import adversarial, divergence, entropy
from pipelines.training.objective import MixedObjective
from tests.pipelines.conftest import BATCH, word_classifier


def classifier(members=1, **weights):
    return word_classifier(members=members, objective=MixedObjective(**weights))


def test_nothing_is_added_by_default():
    model = classifier()
    expected = cross_entropy(model(BATCH.steps, BATCH.lengths), BATCH.labels)
    assert torch.equal(model._step(BATCH, "train"), expected)


@pytest.mark.parametrize("members", [1, 3])
def test_the_adversary_s_loss_is_added_with_its_weight(members):
    model = classifier(members, adversarial=0.5, perturbation=0.2)
    features = model.model.encoder(BATCH.steps)
    expected = []
    for member in model.members:
        plain = cross_entropy(member.read(features, BATCH.lengths), BATCH.labels)
        moved = features + adversarial(features, BATCH.lengths, plain, 0.2)
        worse = cross_entropy(member.read(moved, BATCH.lengths), BATCH.labels)
        assert worse > plain
        expected.append(plain + 0.5 * worse)
    loss = model._step(BATCH, "train")
    torch.testing.assert_close(loss, torch.stack(expected).mean())
    loss.backward()
    assert model.model.encoder.embedding.weight.grad.abs().min() > 0


def test_entropy_and_virtual_adversary_need_no_label():
    model = classifier()
    member = model.members[0]
    read = partial(member.read, lengths=BATCH.lengths)
    features = model.model.encoder(BATCH.steps)
    scores = read(features)
    only = MixedObjective(entropy=2.0)
    added = only.unlabelled(read, features, BATCH.lengths, scores)
    torch.testing.assert_close(added, 2 * entropy(scores).mean())
    torch.manual_seed(1)
    both = MixedObjective(virtual_adversarial=1.0, perturbation=0.5)
    added = both.unlabelled(read, features, BATCH.lengths, scores)
    assert 0 < added < divergence(scores, -10 * scores).mean() + 1
    assert MixedObjective(adversarial=1.0).unlabelled(read, features, BATCH.lengths, scores) == 0


def test_features_that_carry_no_gradient_are_perturbed_all_the_same():
    model = classifier(adversarial=1.0, virtual_adversarial=1.0)
    model.model.encoder.requires_grad_(False)
    loss = model._step(BATCH, "train")
    loss.backward()
    assert model.members[0].head.weight.grad is not None


def test_validation_is_scored_without_them():
    model = classifier(adversarial=1.0, entropy=1.0).eval()
    expected = cross_entropy(model(BATCH.steps, BATCH.lengths), BATCH.labels)
    assert torch.equal(model._step(BATCH, "val"), expected)


@pytest.mark.parametrize("wrong", [{"entropy": -1.0}, {"perturbation": 0.0}])
def test_a_wrong_weight_is_one_line(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        MixedObjective(**wrong)


def test_sequences_without_labels_add_their_mean():
    model = classifier(entropy=2.0)
    other = collate(torch.tensor([3, 3, 1]), lengths=[2, 1], labels=[0, 0], ids=[0, 1])
    plain = model._step(BATCH, "train")
    scores = model(other.steps, other.lengths)
    added = model._member_losses.unlabelled(other, encode=model.encode)
    loss = model._step(BATCH, "train") + added
    torch.testing.assert_close(loss, plain + 2 * entropy(scores).mean())
    empty = collate(torch.zeros(0, dtype=torch.long), lengths=[], labels=[], ids=[])
    assert model._member_losses.unlabelled(empty, encode=model.encode) == 0
