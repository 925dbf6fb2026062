"""The picture of a captioner's attention over the frames of a clip."""

import numpy as np
import pytest

from pipelines.report.captions.attention import draw_frame_attention


@pytest.mark.parametrize(("num_frames", "columns"), [(1, 1), (5, 5), (30, 12)])
def test_each_column_has_the_weights_of_its_frames(num_frames, columns):
    frames = np.zeros((num_frames, 8, 8, 3), np.uint8) + np.arange(num_frames)[:, None, None, None]
    weights = np.eye(num_frames)[[num_frames - 1, 0]]
    top, below = draw_frame_attention(frames.astype(np.uint8), weights, ["later", "before"]).axes
    shown = np.asarray(below.images[0].get_array())
    assert shown.shape == (2, columns)
    np.testing.assert_array_equal(shown.argmax(1), [columns - 1, 0])
    np.testing.assert_allclose(shown.sum(1), 1)
    strip = np.asarray(top.images[0].get_array())
    assert strip.shape[:2] == (8, 8 * columns)
    # Frames stand over their own columns, in their order.
    levels = strip[0, ::8, 0].astype(int)
    assert (np.diff(levels) > 0).all()
    names = [label.get_text() for label in below.get_xticklabels()]
    assert names[-1].endswith(str(num_frames))
    assert [label.get_text() for label in below.get_yticklabels()] == ["later", "before"]
