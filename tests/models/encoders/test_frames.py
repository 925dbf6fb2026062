import subprocess
import sys

import pytest
import torch
from torch import nn

from models.encoders.backbones import (
    Backbone,
    EfficientNetLite0,
    EfficientNetLite2,
    PretrainedEncoder,
)
from models.encoders.efficientnet_lite import EfficientNetLite
from models.encoders.foreground import WithForeground
from models.encoders.frames import FrameEncoder, SmallCNN, multiplies_bf16

TRAINED = {
    "SmallCNN": lambda **o: SmallCNN(features=8, width=8, **o),
    "SmallCNN of peaks": lambda **o: SmallCNN(
        features=8, width=8, peaks=True, normalised=True, **o
    ),
    "Backbone": lambda **o: Backbone("resnet18", weights=None, trainable="all", **o),
    "EfficientNetLite0": lambda **o: EfficientNetLite0(pretrained=False, trainable="all", **o),
    "EfficientNetLite2": lambda **o: EfficientNetLite2(pretrained=False, trainable="all", **o),
}
FROZEN = {
    "Backbone": lambda **o: Backbone("efficientnet_b0", weights=None, **o),
    "EfficientNetLite0": lambda **o: EfficientNetLite0(pretrained=False, **o),
}


def frames(count=5, height=32, width=40):
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)


class Counting(FrameEncoder):
    """The mean of each colour times a weight; notes the size of each chunk it is given."""

    out_features = 3

    def __init__(self, **options):
        super().__init__(**options)
        self.weight = nn.Parameter(torch.ones(3))
        self.calls = []

    def encode(self, frames):
        self.calls.append(len(frames))
        return frames.mean((2, 3)) * self.weight


def test_every_encoder_is_tested_here():
    # WithForeground encodes no frame by itself, and has a file of its own.
    ours = {Counting, PretrainedEncoder, EfficientNetLite, WithForeground}
    found = {one for base in (FrameEncoder, *ours) for one in base.__subclasses__()} - ours
    assert {one.__name__ for one in found if one.__module__.startswith("models.")} == {
        name.split()[0] for name in TRAINED
    }


def test_peaks_are_the_same_wherever_a_thing_is():
    encoder, read = SmallCNN(features=8, width=8, peaks=True, normalised=True).eval(), []
    encoder.project.register_forward_pre_hook(lambda _, inputs: read.append(*inputs))
    steps = torch.zeros(2, 3, 128, 128, dtype=torch.uint8)
    steps[0, :, 44:52, 42:50], steps[1, :, 76:84, 74:82] = 200, 200
    features = encoder(steps)
    cells = read[0]
    assert cells.shape == (2, 32, 4 * 4 + 1)
    torch.testing.assert_close(cells[0, :, -1], cells[1, :, -1])
    assert not torch.allclose(cells[0, :, :-1], cells[1, :, :-1])
    torch.testing.assert_close(features.mean(1), torch.zeros(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", TRAINED.values(), ids=TRAINED)
def test_features_do_not_depend_on_the_chunk(make):
    encoder, steps = make(chunk_size=2).eval(), frames()
    in_chunks = encoder(steps)
    assert in_chunks.shape == (5, encoder.out_features)
    encoder.chunk_size = 100
    scale = in_chunks.abs().max().item()
    torch.testing.assert_close(encoder(steps), in_chunks, atol=1e-5 * scale, rtol=1e-5)
    torch.testing.assert_close(encoder(steps[3:4]), in_chunks[3:4], atol=1e-5 * scale, rtol=1e-5)


@pytest.mark.parametrize("make", TRAINED.values(), ids=TRAINED)
def test_the_first_frame_trains_the_first_weights(make):
    encoder, steps = make(chunk_size=2).train(), frames()
    first = next(encoder.parameters())
    gradients = []
    for chunk_size in (2, 100):
        encoder.chunk_size, first.grad = chunk_size, None
        torch.manual_seed(0)
        encoder(steps)[0].square().sum().backward()
        gradients.append(first.grad)
    assert gradients[0].abs().max() > 0
    scale = gradients[1].abs().max().item()
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4 * scale, rtol=1e-4)


@pytest.mark.parametrize("make", FROZEN.values(), ids=FROZEN)
def test_frozen_features_have_no_gradient_and_no_chance_in_train_mode(make):
    encoder, steps = make(chunk_size=2, bf16=False), frames()
    assert encoder.is_frozen
    expected = encoder.eval()(steps)
    trained = encoder.train()(steps)
    assert torch.equal(trained, expected)
    assert not trained.requires_grad
    with torch.autocast("cpu", torch.bfloat16):  # a frozen encoder keeps to its own precision
        assert torch.equal(encoder(steps), expected)


def test_bytes_become_0_to_1_and_stay_in_order():
    steps = torch.arange(0, 256, 51, dtype=torch.uint8)[:, None, None, None].expand(6, 3, 4, 4)
    features = Counting(chunk_size=4)(steps)
    expected = torch.tensor([0, 0.2, 0.4, 0.6, 0.8, 1.0])[:, None].expand(6, 3)
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        # Two chunks are encoded twice, the first of them last; the kept ones once.
        ({"kept_chunks": 1}, [2, 2, 1, 2, 2]),
        ({"kept_chunks": 0}, [2, 2, 1, 1, 2, 2]),
        ({"kept_chunks": 9}, [2, 2, 1]),
        ({"chunk_size": 5}, [5]),
        ({"chunk_size": None}, [5]),
    ],
)
def test_which_chunks_are_computed_twice(options, calls):
    encoder = Counting(**{"chunk_size": 2, **options})
    encoder(frames()).sum().backward()
    assert encoder.calls == calls


def test_nothing_is_computed_twice_when_nothing_is_trained():
    encoder = Counting(chunk_size=2, kept_chunks=0)
    with torch.no_grad():
        encoder(frames())
    encoder.weight.requires_grad_(False)
    assert encoder.is_frozen
    encoder(frames())
    assert encoder.calls == [2, 2, 1] * 2


def test_chunks_on_a_cpu_are_small_by_default():
    encoder = Counting()
    with torch.no_grad():
        encoder(frames(130, 2, 2))
    assert encoder.calls == [64, 64, 2]
    assert PretrainedEncoder.cpu_chunk_size == 16


def test_bfloat16_is_close_and_comes_back_as_float32():
    encoder, steps = Backbone("resnet18", weights=None, bf16=False), frames()
    exact = encoder(steps)
    encoder.bf16 = True
    near = encoder(steps)
    assert near.dtype == torch.float32
    assert 0 < (near - exact).norm() < 0.02 * exact.norm()
    encoder.bf16 = None  # where it is fast
    assert torch.equal(encoder(steps), near if multiplies_bf16(steps.device) else exact)


def test_bfloat16_unless_asked_for_is_not_trained_in():
    encoder, steps = Backbone("resnet18", weights=None, trainable=1, bf16=None), frames()
    automatic = encoder(steps)
    encoder.bf16 = False
    assert torch.equal(encoder(steps), automatic)


def test_fingerprint_changes_with_any_weight_and_with_nothing_else():
    torch.manual_seed(3)
    encoder = SmallCNN(features=4, width=8)
    name = encoder.fingerprint()
    assert len(name) == 64
    encoder.chunk_size, encoder.kept_chunks = 7, 0
    assert encoder.eval().fingerprint() == encoder.train().fingerprint() == name
    for tensor in encoder.state_dict().values():
        last = (-1,) * tensor.ndim
        before = tensor[last].item()
        tensor[last] = before + 1e-3
        assert encoder.fingerprint() != name
        tensor[last] = before
    assert encoder.fingerprint() == name
    encoder.bf16 = True
    assert encoder.fingerprint() != name


def test_fingerprint_follows_the_normalisation():
    encoder = FROZEN["EfficientNetLite0"]()
    name = encoder.fingerprint()
    encoder.mean += 0.1
    assert encoder.fingerprint() != name


def test_fingerprint_is_the_same_in_another_process():
    code = (
        "import torch; from models.encoders.frames import SmallCNN; torch.manual_seed(3);"
        " print(SmallCNN(features=4, width=8).fingerprint())"
    )
    torch.manual_seed(3)
    here = SmallCNN(features=4, width=8).fingerprint()
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


@pytest.mark.parametrize("options", [{"chunk_size": 0}, {"kept_chunks": -1}])
def test_mistakes_are_named(options):
    with pytest.raises(ValueError, match="=".join(map(str, *options.items()))):
        SmallCNN(**options)
