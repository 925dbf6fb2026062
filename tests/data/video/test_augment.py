import pytest
import torch

from data.files.errors import InputError
from data.video.augment import Augmentation
from data.video.data_module import VideoDataModule
from tests.clips import write_classes

ALL = {"crop": 0.3, "color": 0.4, "grey": 0.5, "flip": 0.5}


def still(num_frames=6, size_px=24):
    """One picture, over and over; left and right differ, and so do the colours."""
    picture = torch.randint(0, 256, (1, 3, size_px, size_px), dtype=torch.uint8)
    return picture.expand(num_frames, -1, -1, -1).clone()


def test_off_by_default_and_then_nothing_changes():
    augmentation = Augmentation(24)
    assert not augmentation
    clip = still()
    before = clip.clone()
    state = torch.get_rng_state()
    assert augmentation(clip) is clip
    torch.testing.assert_close(clip, before, rtol=0, atol=0)
    # No draw is made either, so that what is drawn later is the same.
    torch.testing.assert_close(torch.get_rng_state(), state)


@pytest.mark.parametrize("options", [ALL, *({name: value} for name, value in ALL.items())])
def test_one_draw_for_all_frames_and_another_for_the_next_clip(options):
    augmentation = Augmentation(24, **options)
    assert augmentation
    clip = still()
    drawn = []
    for _ in range(20):
        changed = augmentation(clip.clone())
        assert (changed.shape, changed.dtype) == (clip.shape, torch.uint8)
        torch.testing.assert_close(changed, changed[:1].expand_as(changed), rtol=0, atol=0)
        drawn.append(changed[0])
    assert len({tuple(picture.flatten().tolist()) for picture in drawn}) > 1


def test_frames_keep_their_order():
    """Frame k is k times as bright as the first: no draw plays the clip backwards."""
    clip = torch.arange(1, 9, dtype=torch.uint8).mul(20)[:, None, None, None].expand(8, 3, 24, 24)
    augmentation = Augmentation(24, crop=0.3, grey=0.5, flip=0.5)
    for _ in range(20):
        means = augmentation(clip.clone()).float().mean((1, 2, 3))
        torch.testing.assert_close(means, torch.arange(1, 9) * 20.0, atol=1, rtol=0)


def test_flip_mirrors_left_and_right_as_often_as_asked():
    clip = still()
    mirrored = clip.flip(-1)
    for share in (0.0, 0.3, 1.0):
        augmentation = Augmentation(24, flip=share)
        drawn = [augmentation(clip.clone()) for _ in range(300)]
        times = sum(torch.equal(one, mirrored) for one in drawn)
        assert times + sum(torch.equal(one, clip) for one in drawn) == 300
        assert abs(times / 300 - share) < 0.1


@pytest.mark.parametrize("name", ["crop", "color", "grey"])
def test_nothing_is_mirrored_unless_asked(name):
    """The left half is dark and the right half bright, whatever is drawn."""
    clip = torch.zeros(2, 3, 24, 24, dtype=torch.uint8)
    clip[..., 12:] = 200
    augmentation = Augmentation(24, **{name: ALL[name]})
    for _ in range(50):
        changed = augmentation(clip.clone()).float()
        assert changed[..., :4].mean() <= changed[..., -4:].mean()


def test_grey_is_grey():
    changed = Augmentation(24, grey=1)(still())
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert torch.equal(changed[:, 0], changed[:, 2])


def test_crop_keeps_at_least_its_share():
    """A crop of a quarter of a brightness slope spans less of it; a crop of all spans all."""
    slope = torch.linspace(0, 255, 64).round().to(torch.uint8).expand(1, 3, 64, 64)
    spans = []
    for _ in range(100):
        changed = Augmentation(64, crop=0.25)(slope.clone())[0, 0, 32].float()
        spans.append((changed[-1] - changed[0]).item() / 255)
    # A quarter of the area at 3:4 is 0.43 wide.
    assert 0.4 < min(spans) < 0.75
    assert max(spans) <= 1


@pytest.mark.parametrize(
    "options", [{"crop": 0}, {"crop": 0.01}, {"crop": 2}, {"color": -1}, {"grey": 1.1}, {"flip": 5}]
)
def test_shares_that_are_none_are_refused(options):
    ((name, share),) = options.items()
    with pytest.raises(InputError) as caught:
        Augmentation(24, **options)
    least = 0.05 if name == "crop" else 0
    assert str(caught.value) == (
        f"--data.augment_{name}={share}: allowed are numbers from {least} to 1"
    )
    with pytest.raises(InputError, match=f"augment_{name}"):
        VideoDataModule(**{f"augment_{name}": share})


def test_only_training_changes_clips(tmp_path):
    write_classes(tmp_path, clips_per_class=6, num_frames=3)
    data = VideoDataModule(path=str(tmp_path), size_px=16, augment_color=0.8)
    plain = VideoDataModule(path=str(tmp_path), size_px=16)
    for name, part in data.parts.items():
        assert part.augments == (name == "train")
        one, other = (part.__getitems__([0, 1]).steps for _ in range(2))
        assert torch.equal(one, other) == (name != "train")
        if name != "train":
            assert torch.equal(one, plain.parts[name].__getitems__([0, 1]).steps)
