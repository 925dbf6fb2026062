"""Baselines: simple scikit-learn classifiers, trained on the same examples as the model.

All implement one interface, `Baseline`, and are saved together in one .npz of plain arrays. It is no
pickle, since reading a pickle can run code.

n examples · K classes · P classes with a training example · V terms · D features
"""

import io
import re
import unicodedata
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

from data.files.atomic_write import write_whole
from pipelines.metrics.linear import fit_linear, predict_linear, scoring_of
from pipelines.metrics.measures import scores

# Inverse regularisation, chosen without a test set. 10 is usual for TF-IDF rows, which have length 1.
# 1 is the default of scikit-learn and suits standardised features.
TEXT_C = 10.0
FRAME_C = 1.0
# On IMDB 50,000 to 360,000 terms agree within 0.003 in cross-validation on the training part.
MAX_TERMS = 200_000
# L-BFGS holds some 25 vectors of V x K doubles, which with this limit take 0.8 GB at most.
MAX_WEIGHTS = 4_000_000
# It holds some five arrays of n x K doubles too: with more than this, another baseline takes its place.
MAX_ANSWERS = 2**25
# Weights of naive Bayes, which is fitted in one pass.
MAX_COUNTS = 2**25
# With fewer texts than this, terms that occur once are kept: without them few terms are left.
MANY_TEXTS = 1_000

LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A word is letters, digits and combining marks; Python's \w alone lacks the marks and would split
# Hindi and Thai words. Chinese characters and kana have no spaces between words: each is a term, and
# a pair is about a word. Emoji are a term each. Thai and Lao phrases are not split, which makes weak
# baselines.
MARKS = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c) in ("Mn", "Mc"))
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
JOINERS = "\u200c\u200d"
TERM = rf"[{UNSPACED}{EMOJI}]|[^\W{UNSPACED}](?:[^\W{UNSPACED}]|[{MARKS}{JOINERS}])*"


class Baseline(ABC):
    """Classifier that ignores most or all of the order of a sequence.

    `state` holds everything learnt, so that a loaded baseline predicts the same as the fitted one.
    """

    name: ClassVar[str]
    state: dict[str, np.ndarray]

    @abstractmethod
    def fit(self, inputs: Any, labels: np.ndarray, num_classes: int) -> Self:
        """Fit to n inputs and labels (n,), integers in 0 .. K-1; not every class need occur.

        Raises ValueError for labels that are out of range or not as many as the inputs.
        """

    @abstractmethod
    def predict_proba(self, inputs: Any) -> np.ndarray:
        """Probabilities (n, K) float64, rows sum to 1; 0 for a class without a training example."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learnt, as arrays of numbers."""
        return dict(self.state)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore a fitted baseline from its `arrays`."""
        baseline = cls()
        baseline.state = dict(arrays)
        return baseline


class Majority(Baseline):
    """Predicts the shares of the classes in the training part for every input.

    State: shares (K,) float64.
    """

    name = "majority"

    def fit(self, inputs: Sequence[Any], labels: np.ndarray, num_classes: int) -> Self:
        """Fit to labels; only the number of the inputs is used."""
        labels = _check(inputs, labels, num_classes)
        self.state = {"shares": np.bincount(labels, minlength=num_classes) / len(labels)}
        return self

    def predict_proba(self, inputs: Sequence[Any]) -> np.ndarray:
        """Probabilities (n, K); only the number of the inputs is used."""
        return np.tile(self.state["shares"], (len(inputs), 1))


class TfidfLogisticRegression(Baseline):
    """Texts -> TF-IDF of words and pairs of words -> logistic regression.

    It sees which words occur, but hardly their order.
    A linear model on bigrams is hard to beat: Wang & Manning 2012, "Baselines and Bigrams".
    The TF-IDF weights are those of scikit-learn's TfidfVectorizer with sublinear_tf
    (https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting).
    Where no training text holds a word, it predicts the shares of the classes.

    State: terms (bytes of UTF-8, a line each), idf (V,) and a linear map, both float32.
    """

    name = "tfidf_logistic_regression"

    @property
    def max_weights(self) -> int:
        """The most weights, of all terms and classes."""
        return MAX_WEIGHTS

    def _fit_linear(
        self, features: Any, labels: np.ndarray, num_classes: int
    ) -> dict[str, np.ndarray]:
        return fit_linear(features, labels, num_classes, c=TEXT_C)

    def fit(self, inputs: Sequence[str], labels: np.ndarray, num_classes: int) -> Self:
        """Fit to n texts."""
        labels = _check(inputs, labels, num_classes)
        max_terms = max(1, min(MAX_TERMS, self.max_weights // num_classes))
        min_df = 2 if len(inputs) >= MANY_TEXTS else 1
        vectorizer = _build_vectorizer(min_df=min_df, max_features=max_terms)
        try:
            features = vectorizer.fit_transform(inputs)
            terms, idf = vectorizer.get_feature_names_out(), vectorizer.idf_
        except ValueError as error:  # raised by scikit-learn for texts without a single term
            if "empty vocabulary" not in str(error) and "no terms remain" not in str(error):
                raise
            features = csr_array((len(inputs), 0), dtype=np.float32)
            terms, idf = [], np.zeros(0, dtype=np.float32)
        # Bytes, since an array of strings would pad each term to the length of the longest.
        text = np.frombuffer("\n".join(terms).encode(), dtype=np.uint8)
        linear = self._fit_linear(features, labels, num_classes)
        self.state = {"terms": text, "idf": idf, **linear}
        return self

    def predict_proba(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities (n, K) of n texts."""
        features = csr_array((len(inputs), len(self.state["idf"])), dtype=np.float32)
        if min(features.shape) > 0:
            terms = self.state["terms"].tobytes().decode().split("\n")
            vectorizer = _build_vectorizer(vocabulary=terms)
            vectorizer.idf_ = self.state["idf"]
            features = vectorizer.transform(inputs)
        return predict_linear(self.state, features)


class TfidfNaiveBayes(TfidfLogisticRegression):
    """Texts -> TF-IDF of words and pairs of words -> multinomial naive Bayes.

    It stands in for the logistic regression where that would take gigabytes and minutes: for many
    texts of many classes. Its probabilities are a linear map, too.
    """

    name = "tfidf_naive_bayes"

    @property
    def max_weights(self) -> int:
        """The most weights, of all terms and classes."""
        return MAX_COUNTS

    def _fit_linear(
        self, features: Any, labels: np.ndarray, num_classes: int
    ) -> dict[str, np.ndarray]:
        if features.shape[1] == 0:
            return super()._fit_linear(features, labels, num_classes)
        model, classes = MultinomialNB(), np.unique(labels)
        # It makes a matrix of the labels, examples x classes.
        rows = max(MAX_ANSWERS // num_classes, 1)
        for start in range(0, len(labels), rows):
            some = slice(start, start + rows)
            model.partial_fit(features[some], labels[some], classes=classes)
        return {
            "weights": model.feature_log_prob_.astype(features.dtype),
            "biases": model.class_log_prior_,
            "present": model.classes_,
            "num_classes": np.array(num_classes),
        }


class _FeatureLogisticRegression(Baseline):
    """One feature vector per clip -> standardisation -> logistic regression.

    State: mean, scale (D,) float64 and a linear map.
    """

    def fit(self, inputs: np.ndarray, labels: np.ndarray, num_classes: int) -> Self:
        """Fit to inputs (n, D), a vector per clip; ValueError where one is not finite."""
        labels = _check(inputs, labels, num_classes)
        features = _check_features(inputs)
        mean, scale = features.mean(axis=0), features.std(axis=0)
        # The deviation of a constant is rounding error, and dividing by it would give noise.
        scale = np.where(scale > 1e-9 * (1 + abs(mean)), scale, 1.0)
        linear = fit_linear((features - mean) / scale, labels, num_classes, c=FRAME_C)
        self.state = {"mean": mean, "scale": scale, **linear}
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities (n, K) of inputs (n, D), as in `fit`."""
        mean, scale = self.state["mean"], self.state["scale"]
        features = _check_features(inputs, num_features=len(mean))
        return predict_linear(self.state, (features - mean) / scale)

    def linear_map(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights (K, D) and biases (K,) whose scores of inputs have `predict_proba` as softmax."""
        weights, biases = scoring_of(self.state)
        weights = weights / self.state["scale"]
        return weights, biases - weights @ self.state["mean"]


class MeanFrameLogisticRegression(_FeatureLogisticRegression):
    """Logistic regression on the mean of a clip's frame features, which ignores their order.

    On UCF-101 such averages came within 0.8 points of the LSTM (Donahue et al. 2015, "LRCN"). The
    gain from a recurrence is its difference to this baseline.
    """

    name = "mean_frame_logistic_regression"


class SingleFrameLogisticRegression(_FeatureLogisticRegression):
    """Logistic regression on the features of a clip's middle frame.

    Where it is as good as reading all frames, the data set does not need the order in time (Schindler
    & Van Gool 2008, "Action Snippets: How many frames does human action recognition require?").
    """

    name = "single_frame_logistic_regression"


_KINDS = (
    Majority,
    TfidfLogisticRegression,
    TfidfNaiveBayes,
    MeanFrameLogisticRegression,
    SingleFrameLogisticRegression,
)
KINDS: dict[str, type[Baseline]] = {kind.name: kind for kind in _KINDS}


def score(baseline: Baseline, inputs: Any, labels: np.ndarray) -> dict[str, float]:
    """Score a baseline on n inputs and labels (n,): accuracy, macro_f1, log_loss; see `scores`."""
    return scores(labels, baseline.predict_proba(inputs))


def save(path: Path, baselines: Sequence[Baseline]) -> None:
    """Save fitted baselines in one compressed .npz by an atomic write.

    Raises ValueError for two of the same name.
    """
    names = [baseline.name for baseline in baselines]
    if len(set(names)) != len(names):
        raise ValueError(f"baselines came as {names}; allowed is each name once: drop the double")
    contents: dict[str, Any] = {"names": np.array(names, dtype=np.str_)}
    for baseline in baselines:
        contents |= {f"{baseline.name}/{key}": value for key, value in baseline.arrays().items()}
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, **contents)
    write_whole(path, archive.getvalue())


def load(path: Path) -> list[Baseline]:
    """Load the baselines written by `save`; they predict the same as before.

    Raises ValueError for a file of another kind, or one that names an unknown baseline.
    """
    arrays: dict[str, np.ndarray] = {}
    if zipfile.is_zipfile(path):
        with np.load(path, allow_pickle=False) as contents:
            arrays = dict(contents)
    if "names" not in arrays:
        raise ValueError(f"{path} holds no baselines; needed is a file by `save`: fit them again")
    loaded = []
    for name in arrays["names"].tolist():
        if name not in KINDS:
            raise ValueError(f"{path} holds {name!r}; known are {list(KINDS)}: fit them again")
        start = f"{name}/"
        own = {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}
        loaded.append(KINDS[name].from_arrays(own))
    return loaded


def _build_vectorizer(**options: Any) -> TfidfVectorizer:
    options |= {"preprocessor": _clean, "token_pattern": TERM, "ngram_range": (1, 2)}
    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **options)


def _clean(text: str) -> str:
    return LINE_BREAK.sub(" ", text).lower()


def _check(inputs: Any, labels: np.ndarray, num_classes: int) -> np.ndarray:
    labels, n = np.asarray(labels), len(inputs)
    if labels.shape != (n,) or n == 0 or labels.dtype.kind not in "iu":
        came = f"{labels.dtype} labels {labels.shape} came with {n} inputs"
        raise ValueError(f"{came}; needed are integers, one an input, 1 or more: pair them")
    if odd := set(labels.tolist()) - set(range(num_classes)):
        raise ValueError(
            f"labels {odd} came; allowed are 0 to {num_classes - 1}: pass class indices"
        )
    return labels.astype(np.int64)


def _check_features(inputs: np.ndarray, *, num_features: int | None = None) -> np.ndarray:
    features = np.asarray(inputs, dtype=np.float64)
    if features.ndim != 2 or num_features not in (None, features.shape[1]):
        needed = f"(n, {num_features or 'D'})"
        raise ValueError(f"features {features.shape} came; needed are {needed}: one vector a clip")
    if not np.isfinite(features).all():
        raise ValueError(
            "features with NaN or infinity came; needed are finite ones: check weights"
        )
    return features
