"""The foreground of clips: medians by hand, and features that no other clip changes."""

import pytest
import torch

from models.encoders.foreground import WithForeground, background, foregrounds
from models.encoders.frames import SmallCNN
from models.errors import OptionError
from tests.models.encoders.test_frames import Counting


def clip(*values):
    """Frames (T, 1, 1, P) of one row of pixels each."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None]


def test_medians_by_hand():
    assert background(clip([7, 200]), most=9).tolist() == [[[7, 200]]]
    assert background(clip([10, 0], [13, 255]), most=9).tolist() == [[[11, 127]]]
    assert background(clip([9, 0], [1, 50], [5, 255]), most=9).tolist() == [[[5, 50]]]
    assert background(clip([1], [2], [8], [250]), most=9).tolist() == [[[5]]]
    # The sum of two bright values is beyond 8 bits.
    assert background(clip([250], [254]), most=9).tolist() == [[[252]]]


def test_of_a_long_clip_frames_from_the_first_to_the_last_decide():
    frames = torch.arange(101, dtype=torch.uint8)[:, None, None, None]
    assert background(frames, most=3).item() == 50  # of 0, 50, 100
    assert background(frames, most=2).item() == 50  # of 0, 100
    assert background(frames[:100], most=4).item() == 49  # of 0, 33, 66, 99


def test_foregrounds_by_hand():
    frames = torch.cat([clip([9, 0], [1, 50], [5, 255]), clip([7, 200])])
    found = foregrounds(frames, torch.tensor([3, 1]), most=9)
    assert found.flatten(1).tolist() == [[132, 78], [124, 128], [128, 255], [128, 128]]
    assert found.dtype == torch.uint8
    # Far brighter and far darker than the background is cut off.
    far = foregrounds(clip([255, 0], [0, 255], [0, 255]), torch.tensor([3]), most=9)
    assert far.flatten(1).tolist() == [[255, 0], [128, 128], [128, 128]]


def frames(count):
    return torch.randint(0, 256, (count, 3, 16, 20), dtype=torch.uint8)


def test_features_are_those_of_the_frame_and_of_its_foreground():
    inner, steps = SmallCNN(features=5, width=8).eval(), frames(7)
    encoder = WithForeground(inner)
    features = encoder.encode_ragged(steps, torch.tensor([7]))
    assert features.shape == (7, encoder.out_features)
    shown = (steps.double() - steps.double().median(0).values + 128).clamp(0, 255).byte()
    torch.testing.assert_close(features, torch.cat([inner(steps), inner(shown)], dim=1))


@pytest.mark.parametrize("chunk_size", [2, 100])
def test_no_other_clip_and_no_chunk_changes_the_features(chunk_size):
    encoder = WithForeground(SmallCNN(features=5, width=8, chunk_size=chunk_size)).eval()
    lengths = [1, 6, 70, 3]
    clips = [frames(length) for length in lengths]
    together = encoder.encode_ragged(torch.cat(clips), torch.tensor(lengths))
    for one, own in zip(clips, together.split(lengths), strict=True):
        alone = encoder.encode_ragged(one, torch.tensor([len(one)]))
        torch.testing.assert_close(alone, own, atol=1e-5, rtol=1e-5)


def test_both_streams_teach_the_encoder():
    encoder = WithForeground(Counting(chunk_size=2))
    features = encoder.encode_ragged(frames(5), torch.tensor([5]))
    features[:, 3:].sum().backward()
    gradient = encoder.encoder.weight.grad.clone()
    assert (gradient > 0).all()
    assert not encoder.is_frozen
    encoder.requires_grad_(False)
    assert encoder.is_frozen


def test_places_have_both():
    class Places(Counting):
        gives_places = True

        def encode(self, frames):
            return frames.mean(3).transpose(1, 2)

    encoder = WithForeground(Places())
    assert encoder.gives_places
    assert encoder.encode_ragged(frames(2), torch.tensor([2])).shape == (2, 16, 6)


def test_features_are_kept_under_a_name_of_their_own():
    inner = SmallCNN(features=5, width=8)
    encoder = WithForeground(inner)
    before = encoder.fingerprint()
    assert before != inner.fingerprint()
    assert before == WithForeground(inner).fingerprint()
    with torch.no_grad():
        inner.project[1].bias[0] += 1e-3
    assert encoder.fingerprint() != before


def test_what_it_refuses():
    encoder = WithForeground(SmallCNN(features=5, width=8))
    with pytest.raises(TypeError, match="encode_ragged"):
        encoder(frames(2))
    with pytest.raises(OptionError, match=r"encoder\.encoder=WithForeground: looks at whole clips"):
        WithForeground(encoder)
