import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.metrics import baselines
from pipelines.metrics.baselines import (
    Majority,
    MeanFrameLogisticRegression,
    SingleFrameLogisticRegression,
    TfidfLogisticRegression,
)
from pipelines.metrics.measures import scores

WORDS = [["poor", "dull", "awful"], ["fine", "great", "lovely"], ["odd", "weird", "strange"]]


def reviews(n=60, num_classes=3):
    labels = np.arange(n) % num_classes
    filler = ["the film", "a plot i saw", "it was"]
    words = [WORDS[label][k % 3] for k, label in enumerate(labels)]
    texts = [f"{filler[k % 2]} {f'{word} ' * (1 + k % 4)}{k}" for k, word in enumerate(words)]
    return texts, labels


def frames(n=60, num_classes=3, features=5, seed=0):
    """Clips (n, T, D) whose classes differ in what the frames hold."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % num_classes
    centers = random.normal(size=(num_classes, 1, features))
    return centers[labels] + random.normal(size=(n, 7, features)), labels


def fitted(kind, labels=None, num_classes=3):
    if kind in FRAME_KINDS:
        clips, own = frames()
        inputs = clips.mean(axis=1) if kind is MeanFrameLogisticRegression else clips[:, 3]
    else:
        inputs, own = reviews()
    return kind().fit(inputs, own if labels is None else labels, num_classes), inputs


FRAME_KINDS = [MeanFrameLogisticRegression, SingleFrameLogisticRegression]
KINDS = [Majority, TfidfLogisticRegression, *FRAME_KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_has_a_column_even_without_a_training_example(kind):
    for labels in (np.arange(60) % 3, np.arange(60) % 2 * 3, np.full(60, 4)):
        one, inputs = fitted(kind, labels, num_classes=6)
        probabilities = one.predict_proba(inputs)
        assert probabilities.shape == (60, 6)
        assert probabilities.dtype == np.float64
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
        absent = np.setdiff1d(np.arange(6), labels)
        assert not probabilities[:, absent].any()
        # Not merely present, but in their own places.
        assert np.isin(probabilities.argmax(axis=1), labels).all()


def test_a_linear_map_of_the_mean_frame_answers_alike():
    for labels in (np.arange(60) % 3, np.arange(60) % 2 * 3, np.full(60, 4)):
        one, inputs = fitted(MeanFrameLogisticRegression, labels, num_classes=6)
        weights, biases = one.linear_map()
        assert (weights.shape, biases.shape) == ((6, 5), (6,))
        assert np.isfinite(biases).all()
        found = softmax(inputs @ weights.T + biases, axis=1)
        np.testing.assert_allclose(found, one.predict_proba(inputs), atol=1e-12)


def test_two_of_several_classes_land_in_their_own_columns():
    labels = np.where(np.arange(60) % 2 == 0, 3, 1)
    one = TfidfLogisticRegression().fit(reviews(num_classes=2)[0], labels, 5)
    assert baselines.score(one, reviews(num_classes=2)[0], labels)["accuracy"] == 1


def test_majority_predicts_the_shares_of_the_training_part():
    one = Majority().fit([None] * 10, np.array([2] * 6 + [0] * 3 + [1]), 4)
    probabilities = one.predict_proba(["x", "y"])
    np.testing.assert_array_equal(probabilities, [[0.3, 0.1, 0.6, 0]] * 2)
    score = baselines.score(one, [None] * 4, np.array([2, 2, 0, 1]))
    assert score["accuracy"] == 0.5
    assert score["log_loss"] == pytest.approx(-np.log([0.6, 0.6, 0.3, 0.1]).mean())


@pytest.mark.parametrize("num_classes", [2, 3])
def test_tfidf_equals_scikit_learn_put_together(num_classes):
    texts, labels = reviews(num_classes=num_classes)
    peer = make_pipeline(
        TfidfVectorizer(token_pattern=r"\w+", ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1_000, tol=1e-8),
    ).fit(texts, labels)
    one = TfidfLogisticRegression().fit(texts, labels, num_classes)
    np.testing.assert_allclose(one.predict_proba(texts), peer.predict_proba(texts), atol=2e-3)


def terms_of(*texts):
    one = TfidfLogisticRegression().fit(texts, np.arange(len(texts)), len(texts))
    return one.state["terms"].tobytes().decode().split("\n")


def test_terms_are_words_of_any_script_and_pairs_of_them():
    assert terms_of("A b", "c") == ["a", "a b", "b", "c"]
    assert terms_of("영화가 좋다", "x") == ["x", "영화가", "영화가 좋다", "좋다"]
    assert "हिन्दी" in terms_of("हिन्दी में", "x")  # vowel signs do not break a word
    assert {"映", "画", "映 画"} <= set(terms_of("映画", "x"))
    assert {"😀", "good 😀"} <= set(terms_of("good 😀!", "x"))


def test_line_breaks_of_web_pages_are_no_words():
    assert terms_of("one<br /><br>two<BR/>", "x") == ["one", "one two", "two", "x"]


def test_terms_seen_once_are_dropped_where_texts_are_many():
    texts = [f"common word{k}" for k in range(1_200)]
    one = TfidfLogisticRegression().fit(texts, np.arange(1_200) % 2, 2)
    assert one.state["terms"].tobytes() == b"common"


def test_the_weights_are_bounded_where_classes_are_many(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_WEIGHTS", 30)
    one, _ = fitted(TfidfLogisticRegression)
    assert one.state["weights"].shape == (3, 10)


@pytest.mark.parametrize("texts", [["", "!?", "..."] * 20, [f"w{k}" for k in range(1_200)]])
def test_texts_without_a_term_to_learn_from_get_the_shares(texts, tmp_path):
    labels = np.array([0] * (len(texts) * 3 // 4) + [1] * (len(texts) // 4))
    one = TfidfLogisticRegression().fit(texts, labels, 3)
    baselines.save(tmp_path / "b.npz", [one])
    for each in (one, *baselines.load(tmp_path / "b.npz")):
        shares = each.predict_proba(["anything", ""])
        np.testing.assert_allclose(shares, [[0.75, 0.25, 0]] * 2, atol=1e-12)


def test_strange_texts_are_read():
    strange = ["nul \0 nul", "lone \udcff", "", "\u200d", "İstanbul", "x" * 100_000]
    one = TfidfLogisticRegression().fit(strange, np.arange(6), 6)
    assert baselines.score(one, strange, np.arange(6))["accuracy"] > 0.6


def test_mean_frame_is_blind_to_the_order_of_frames():
    clips, labels = frames()
    one = MeanFrameLogisticRegression().fit(clips.mean(axis=1), labels, 3)
    order = np.random.default_rng(1).permutation(clips.shape[1])
    straight = one.predict_proba(clips.mean(axis=1))
    np.testing.assert_allclose(one.predict_proba(clips[:, order].mean(axis=1)), straight, atol=1e-9)
    assert baselines.score(one, clips.mean(axis=1), labels)["accuracy"] > 0.8
    # Two classes that differ in nothing but the order: no better than chance.
    both = np.concatenate([clips, clips[:, ::-1]]).mean(axis=1)
    direction = np.repeat([0, 1], len(clips))
    blind = MeanFrameLogisticRegression().fit(both, direction, 2)
    np.testing.assert_allclose(blind.predict_proba(both), 0.5, atol=1e-3)


def test_what_only_the_change_tells_a_single_frame_does_not():
    random = np.random.default_rng(0)
    labels = np.arange(200) % 2
    # Brighter at both ends or in the middle: the mean is the same, no frame alone is.
    bump = np.array([-1, -1, 2.0]) + random.normal(size=(200, 3)) * 0.1
    clips = np.where(labels[:, None] == 1, bump[:, ::-1], bump)[..., None]
    mean = MeanFrameLogisticRegression().fit(clips.mean(axis=1), labels, 2)
    first = SingleFrameLogisticRegression().fit(clips[:, 0], labels, 2)
    middle = SingleFrameLogisticRegression().fit(clips[:, 1], labels, 2)
    assert baselines.score(mean, clips.mean(axis=1), labels)["accuracy"] < 0.65
    assert baselines.score(middle, clips[:, 1], labels)["accuracy"] < 0.65
    assert baselines.score(first, clips[:, 0], labels)["accuracy"] == 1


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_frame_baselines_equal_scikit_learn_put_together(kind):
    clips, labels = frames()
    inputs = clips.mean(axis=1).astype(np.float32) * [1, 10, 100, 1e-3, 0] + 5  # one never changes
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=1.0)).fit(inputs, labels)
    one = kind().fit(inputs, labels, 3)
    np.testing.assert_allclose(one.predict_proba(inputs), peer.predict_proba(inputs), atol=1e-3)


def test_baselines_come_back_from_one_file_without_pickle(tmp_path):
    pairs = [fitted(kind) for kind in KINDS]
    path = tmp_path / "baselines.npz"
    baselines.save(path, [one for one, _ in pairs])
    assert [file.name for file in tmp_path.iterdir()] == ["baselines.npz"]
    with np.load(path, allow_pickle=False) as contents:
        assert all(contents[key].dtype.kind != "O" for key in contents)
        assert contents["tfidf_logistic_regression/weights"].dtype == np.float32
        assert contents["tfidf_logistic_regression/idf"].dtype == np.float32
    loaded = baselines.load(path)
    assert [type(one) for one in loaded] == KINDS
    for (one, inputs), again in zip(pairs, loaded, strict=True):
        np.testing.assert_allclose(
            again.predict_proba(inputs), one.predict_proba(inputs), atol=1e-6
        )
        assert again.predict_proba(inputs[:0]).shape == (0, 3)


def test_a_file_that_is_something_else_is_refused_in_one_line(tmp_path):
    path = tmp_path / "b.npz"
    path.write_text("no archive")
    with pytest.raises(ValueError, match=r"b\.npz holds no baselines"):
        baselines.load(path)
    np.savez(path, other=np.zeros(1))
    with pytest.raises(ValueError, match="holds no baselines"):
        baselines.load(path)
    np.savez(path, names=np.array(["oracle"]))
    with pytest.raises(ValueError, match="'oracle'; known are"):
        baselines.load(path)
    np.savez(path, names=np.array(["majority", None], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        baselines.load(path)
    with pytest.raises(ValueError, match="each name once"):
        baselines.save(path, [Majority(), Majority()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(59) % 3, "one an input"),
        (np.arange(60) % 4, "allowed are 0 to 2"),
        (np.arange(60) % 3 - 1, "allowed are 0 to 2"),
        (np.zeros(60), "integers"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_one_line(kind, labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        fitted(kind, labels)
    assert "\n" not in str(caught.value)


def test_features_that_cannot_be_are_refused():
    one, inputs = fitted(MeanFrameLogisticRegression)
    with pytest.raises(ValueError, match=r"needed are \(n, 5\)"):
        one.predict_proba(inputs[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        one.predict_proba(inputs * np.nan)


@pytest.mark.parametrize("kind", KINDS)
def test_score_is_the_report_s_own(kind):
    one, inputs = fitted(kind)
    labels = np.arange(60) % 3
    wanted = scores(labels, one.predict_proba(inputs))
    assert baselines.score(one, inputs, labels) == wanted
    assert set(wanted) == {"accuracy", "macro_f1", "log_loss"}
