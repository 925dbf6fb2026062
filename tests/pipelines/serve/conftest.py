import pytest

from tests.clips import write_clip
from tests.pictures import write_picture
from tests.pipelines.saved_models import (
    captions_model,
    sentiment_model,
    translation_model,
    video_model,
    write_saved,
)
from tests.pipelines.serve.serving import serving

_CLIPS = {"size_px": 16, "steps_per_batch": 60}
_INPUTS = {"classes": ["dark", "bright", "none"], "size_px": 16, "frames": "all"}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Small models of each kind that is served, by name."""
    folder = tmp_path_factory.mktemp("checkpoints")
    kinds = {
        "sentiment": ({"model": sentiment_model()}, {}),
        "video": (
            {"model": video_model(classes=_INPUTS["classes"])},
            {"data": _CLIPS, "inputs": _INPUTS},
        ),
        "translation": ({"model": translation_model()}, {}),
        "captions": ({"model": captions_model()}, {"data": _CLIPS}),
    }
    for name, (model, about) in kinds.items():
        write_saved(folder / f"{name}.ckpt", name, **model, **about)
    looks_ahead = sentiment_model(
        recurrence={
            "class_path": "models.recurrence.recurrences.LSTM",
            "init_args": {"hidden_size": 3, "bidirectional": True},
        }
    )
    write_saved(folder / "both-ways.ckpt", model=looks_ahead)
    return folder


@pytest.fixture(scope="session")
def texts(checkpoints):
    with serving(checkpoints / "sentiment.ckpt") as server:
        yield server


@pytest.fixture(scope="session")
def clips(checkpoints):
    with serving(checkpoints / "video.ckpt") as server:
        yield server


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """The bytes of a clip of 12 frames."""
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", num_frames=12).read_bytes()


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    """The bytes of a picture."""
    return write_picture(tmp_path_factory.mktemp("picture") / "a.png").read_bytes()
