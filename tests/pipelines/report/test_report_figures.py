import io

import numpy as np
import pytest

from pipelines.pages.figures import figure_url
from pipelines.report.report_figures import draw_confusion_matrix, draw_curves


@pytest.mark.parametrize("classes", [["cash $in_$out", "_other", "b"], ["$\\frac", "영화", "_"]])
def test_any_name_of_a_class_stands_in_the_legend(classes):
    labels = np.tile([0, 1, 2], 10)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), size=30)
    figure = draw_curves(labels, shares, classes)
    texts = [text.get_text().strip() for text in figure.axes[0].get_legend().get_texts()]
    assert len(texts) == 3
    assert texts[:1] == classes[:1]
    figure.savefig(io.BytesIO(), format="svg")


def test_hundreds_of_classes_fit_on_a_page():
    counts = np.random.default_rng(0).integers(5, size=(400, 400))
    report = {
        "confusion_matrix": counts.tolist(), "classes": [f"class {k}" for k in range(400)],
        "task": "video", "data": "clips", "split": "test", "accuracy": 0.1, "macro_f1": 0.1,
        "num_examples": int(counts.sum()),
    }  # fmt: skip
    assert len(figure_url(draw_confusion_matrix(report))) < 3e6
