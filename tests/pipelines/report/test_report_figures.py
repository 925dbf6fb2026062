import io

import numpy as np
import pytest

from pipelines.pages.figures import figure_url
from pipelines.report.figures import draw_confusion_matrix, draw_curves, spans


@pytest.mark.parametrize("classes", [["cash $in_$out", "_other", "b"], ["$\\frac", "영화", "_"]])
def test_any_name_of_a_class_stands_in_the_legend(classes):
    labels = np.tile([0, 1, 2], 10)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), size=30)
    figure = draw_curves(labels, shares, classes)
    texts = [text.get_text().strip() for text in figure.axes[0].get_legend().get_texts()]
    assert len(texts) == 3
    assert texts[:1] == classes[:1]
    figure.savefig(io.BytesIO(), format="svg")


def test_bins_are_told_apart_by_as_many_digits_as_it_needs():
    def bins(*ends):
        return [{"low": float(low), "high": float(high)} for low, high in ends]

    assert spans("frame_rate", bins((24.9998, 25.0003), (30.0, 30.0))) == ["25", "30"]
    assert spans("steps", bins((1, 12_345), (12_346, 20_000))) == ["1 – 12,345", "12,346 – 20,000"]
    shares = bins((0.0, 0.0041), (0.0042, 0.5))
    assert spans("unknown_share", shares) == ["0.00% – 0.41%", "0.42% – 50.00%"]


def test_the_worst_of_many_confusions_are_named():
    counts = 9 * np.eye(150, dtype=int)
    counts[3, 140] = 7
    report = {
        "confusion_matrix": counts.tolist(), "classes": [f"class {k}" for k in range(150)],
        "task": "video", "data": "clips", "split": "test", "accuracy": 0.1, "macro_f1": 0.1,
        "num_examples": int(counts.sum()),
    }  # fmt: skip
    beside = draw_confusion_matrix(report).axes[1]
    assert [label.get_text() for label in beside.get_yticklabels()] == ["class 3  as  class 140"]
    assert beside.patches[0].get_width() == 7


def test_hundreds_of_classes_fit_on_a_page():
    counts = np.random.default_rng(0).integers(5, size=(400, 400))
    report = {
        "confusion_matrix": counts.tolist(), "classes": [f"class {k}" for k in range(400)],
        "task": "video", "data": "clips", "split": "test", "accuracy": 0.1, "macro_f1": 0.1,
        "num_examples": int(counts.sum()),
    }  # fmt: skip
    assert len(figure_url(draw_confusion_matrix(report))) < 3e6
