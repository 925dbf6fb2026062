"""Classes of unlike size: weights, and what is trained at all."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy

from data.batches.ragged import collate
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from models.sequence.step_inputs import StepInputs
from pipelines.cli.training import train
from pipelines.tasks.answers import middle
from pipelines.tasks.checkpoints import load_task
from pipelines.tasks.classification import Classification
from pipelines.training.training_loss import balanced_weights
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import VIDEO

LABELS = np.array([0] * 6 + [1] * 3 + [3])


def classifier(labels=LABELS, **options):
    """A task of four classes, set up to train on examples of these labels."""
    model = Classification(
        SmallCNN(features=4, width=8),
        partial(LSTM, hidden_size=4),
        classes=["a", "b", "c", "d"],
        optimizer=partial(torch.optim.SGD, lr=0.1),
        **options,
    )
    parts = {"train": SimpleNamespace(labels=labels), "test": SimpleNamespace(ids=np.arange(3))}
    learnt = SimpleNamespace(doubts=None)
    data = SimpleNamespace(parts=parts, reported_part="test", learnt_part=learnt)
    model._trainer = SimpleNamespace(datamodule=data)
    return model


def loss_of(model, scores, labels):
    return model.training_loss(scores, labels, torch.arange(len(labels))).item()


def batch_of(labels):
    lengths = [k % 3 + 1 for k in range(len(labels))]
    steps = torch.randn(sum(lengths), 4)
    return collate(steps, lengths=lengths, labels=labels, ids=range(len(labels)), is_encoded=True)


def test_weights_are_scikit_learn_s_and_their_mean_is_1():
    weights = balanced_weights(LABELS, num_classes=4)
    present = [0, 1, 3]
    wanted = compute_class_weight("balanced", classes=np.array(present), y=LABELS)
    np.testing.assert_allclose(weights[present], wanted)
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 1, 10 / 3])
    assert weights[LABELS].mean() == pytest.approx(1)


def test_a_rare_class_counts_more_even_in_a_batch_of_one():
    torch.manual_seed(0)
    model = classifier(class_weights="balanced")
    plain = cross_entropy(torch.zeros(1, 4), torch.tensor([0])).item()
    model.setup("fit")
    assert loss_of(model, torch.zeros(1, 4), torch.tensor([3])) == pytest.approx(10 / 3 * plain)
    assert loss_of(model, torch.zeros(1, 4), torch.tensor([0])) == pytest.approx(5 / 9 * plain)
    both = loss_of(model, torch.zeros(2, 4), torch.tensor([3, 0]))
    assert both == pytest.approx((10 / 3 + 5 / 9) / 2 * plain)


def test_each_class_weighs_alike_over_the_training_part():
    model = classifier(class_weights="balanced")
    model.setup("fit")
    scores = torch.randn(1, 4).expand(10, 4)
    labels = torch.from_numpy(LABELS)
    alone = [cross_entropy(scores[:1], torch.tensor([c])).item() for c in (0, 1, 3)]
    assert loss_of(model, scores, labels) == pytest.approx(np.mean(alone))


@pytest.mark.parametrize("stage", ["val", "test"])
def test_validation_and_test_count_every_example_alike(stage):
    model = classifier(class_weights="balanced")
    model.setup("fit")
    model.on_test_epoch_start()
    batch = batch_of([0, 3, 1])
    scores = model.eval().model.read(batch.steps, batch.lengths)
    wanted = cross_entropy(scores, batch.labels).item()
    assert model.step(batch, stage).item() == pytest.approx(wanted)


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_no_bias_undoes_the_weights_of_the_classes(class_weights, monkeypatch):
    """The validation part has the shares of the training part, and not those that were learnt for."""
    torch.manual_seed(0)
    model = classifier(class_weights=class_weights).eval()
    model.setup("fit")
    model._trainer.world_size = 1
    monkeypatch.setattr(model, "log", lambda *_, **__: None)
    monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
    with torch.no_grad():
        model.step(batch_of([0] * 60 + [1] * 30 + [3] * 10), "val")
        model.on_validation_epoch_end()
    bias = model.probabilities.bias
    assert model.probabilities.temperature != 1
    if class_weights == "balanced":
        assert not bias.any()
    else:
        # The class without an example keeps its 0.
        assert bias[0] > 0 > bias[3]
        assert bias[2] == 0


def test_without_the_option_all_examples_count_alike():
    model = classifier()
    model.setup("fit")
    scores, labels = torch.randn(5, 4), torch.tensor([0, 0, 1, 3, 0])
    wanted = cross_entropy(scores, labels)
    assert loss_of(model, scores, labels) == pytest.approx(wanted.item())
    assert not any("training_loss" in name for name in model.state_dict())


def test_a_batch_of_nothing_still_has_gradients_of_what_is_trained():
    model = classifier(class_weights="balanced")
    model.model.encoder.requires_grad_(False)
    loss = model.step(batch_of([]), "train")
    loss.backward()
    for name, parameter in model.named_parameters():
        is_encoder = name.startswith("model.encoder.")
        assert (parameter.grad is None) == is_encoder
        assert is_encoder or not parameter.grad.any()


def test_the_optimiser_is_given_what_is_trained():
    model = classifier()
    model.model.encoder.convolutions.requires_grad_(False)
    given = {id(p) for group in model.configure_optimizers().param_groups for p in group["params"]}
    wanted = {
        id(p)
        for name, p in model.named_parameters()
        if not name.startswith("model.encoder.convolutions.")
    }
    assert given == wanted


def test_the_middle_step_is_that_of_each_sequence():
    steps = torch.arange(8.0)[:, None]
    assert middle(steps, torch.tensor([1, 2, 5])).flatten().tolist() == [0, 2, 5]


def test_features_pass_the_encoder_by():
    model = classifier().eval()
    for width in (4, 2):  # of another number than the encoder gives: nobody guesses by the shape
        features = torch.randn(5, width)
        computed = collate(features, lengths=[2, 3], labels=[0, 1], ids=[0, 1], is_encoded=True)
        assert model.encode(computed) is features
    frames = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    batch = collate(frames, lengths=[2, 3], labels=[0, 1], ids=[0, 1])
    torch.testing.assert_close(model.encode(batch), model.model.encoder(frames))


def test_inputs_are_made_for_the_recurrence():
    model = classifier(inputs=partial(StepInputs, difference="signed"))
    assert model.model.inputs.out_features == 8
    steps, lengths = torch.randn(5, 4), torch.tensor([2, 3])
    scores = model.eval().model.read(steps, lengths)
    inputs = model.model.inputs(steps, lengths)
    model.model.inputs = None
    torch.testing.assert_close(model.model.read(inputs, lengths), scores)


def unlike(folder):
    """Eight bright clips, four dark ones."""
    write_classes(folder)
    for k in (6, 7, 8, 9):
        write_clip(folder / "bright" / f"{k}.mp4", num_frames=9, level=150)
    return folder


def test_the_options_together_from_the_command_line_and_back(in_folder):
    unlike(in_folder / "clips")
    options = [
        "--data.path=clips",
        "--model.class_weights=balanced",
        "--model.inputs=StepInputs",
        "--model.inputs.difference=absolute",
        "--model.inputs.project=6",
    ]
    train("video", [*VIDEO, *options, "--run=first"])
    checkpoint = in_folder / "runs/video/first/checkpoints/best.ckpt"
    model = load_task(checkpoint)
    assert model.class_weights == "balanced"
    assert model.model.inputs.difference == "absolute"
    assert model.model.inputs.out_features == 6
    kept = torch.load(checkpoint, weights_only=True)["state_dict"]
    torch.testing.assert_close(dict(model.state_dict()), dict(kept))
