"""What order and depth must beat: simple classifiers by scikit-learn, trained on the same examples.

All keep one contract, `Baseline`, and lie together in one .npz of plain arrays: never a pickle, since
to read a file of numbers must not be able to run code.

Letters: n examples, K classes, P classes with a training example, V terms, D features, N steps.
"""

import re
import sys
import unicodedata
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipelines.report import open_replacing, scores

# Chosen before any test set was seen. 10 suits unit-length TF-IDF rows (Wang & Manning 2012 find the
# accuracy flat over such strengths); 1, scikit-learn's default, suits standardised features.
TEXT_C = 10.0
FRAME_C = 1.0
# On IMDB 50,000 to 360,000 terms agree to 0.002 in cross-validation on the training part.
MAX_TERMS = 200_000
# L-BFGS holds some 25 vectors of V x K doubles: these are 0.8 GB at most.
MAX_WEIGHTS = 4_000_000
# With fewer texts than this, a term seen once is kept: there are too few to be choosy.
MANY_TEXTS = 1_000

LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A word is letters, digits and what is written onto them: Python's \w alone breaks Hindi or Thai at
# each vowel sign. Chinese characters and kana, written without spaces, are each a term, so that a
# bigram is about a word; so are emoji. Thai and Lao phrases stay whole: a weaker baseline there.
MARKS = (
    "".join(
        letter
        for letter in map(chr, range(min(sys.maxunicode, 0xFFFF)))
        if unicodedata.category(letter) in ("Mn", "Mc")
    )
    + "\u200c\u200d"
)
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
TERM = rf"[{UNSPACED}{EMOJI}]|[^\W{UNSPACED}](?:[^\W{UNSPACED}]|[{MARKS}])*"


class Baseline(ABC):
    """Learns from the training part what is to be learnt without reading a sequence in its order."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, inputs: Any, labels: np.ndarray, num_classes: int) -> Self:
        """inputs: n of them, labels (n,) int64 in 0 .. K-1, where not every class need occur.

        Raises ValueError for labels that are out of range or not as many as the inputs.
        """

    @abstractmethod
    def predict_proba(self, inputs: Any) -> np.ndarray:
        """n inputs -> (n, K) float64, rows sum to 1; 0 for a class without a training example."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learnt, as arrays of numbers."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `arrays`: the fitted baseline."""


class Majority(Baseline):
    """Predicts the shares of the classes in the training part, whatever the input."""

    name = "majority"
    shares: np.ndarray  # (K,) float64

    def fit(self, inputs: Sequence[Any], labels: np.ndarray, num_classes: int) -> Self:
        labels = _check(inputs, labels, num_classes)
        self.shares = np.bincount(labels, minlength=num_classes) / len(labels)
        return self

    def predict_proba(self, inputs: Sequence[Any]) -> np.ndarray:
        return np.tile(self.shares, (len(inputs), 1))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"shares": self.shares}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        baseline = cls()
        baseline.shares = arrays["shares"]
        return baseline


class TfidfLogisticRegression(Baseline):
    """Texts -> TF-IDF of words and pairs of words -> logistic regression: knows what, hardly where.

    Bigrams and a linear model are a baseline that many networks do not beat: Wang & Manning 2012,
    "Baselines and Bigrams". The weighting is that of scikit-learn's TfidfVectorizer with sublinear_tf
    (https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting).
    Where no text has a word in it, it predicts the shares of the classes.
    """

    name = "tfidf_logistic_regression"
    terms: list[str]  # (V) words, and two words with a space between
    idf: np.ndarray  # (V,) float32
    linear: "Linear"

    def fit(self, inputs: Sequence[str], labels: np.ndarray, num_classes: int) -> Self:
        labels = _check(inputs, labels, num_classes)
        vectorizer = _build_vectorizer(
            min_df=2 if len(inputs) >= MANY_TEXTS else 1,
            max_features=min(MAX_TERMS, MAX_WEIGHTS // num_classes),
        )
        try:
            features = vectorizer.fit_transform(inputs)
            self.terms, self.idf = vectorizer.get_feature_names_out().tolist(), vectorizer.idf_
        except ValueError as error:  # what scikit-learn makes of texts without a single term
            if "empty vocabulary" not in str(error) and "no terms remain" not in str(error):
                raise
            features = csr_array((len(inputs), 0), dtype=np.float32)
            self.terms, self.idf = [], np.zeros(0, dtype=np.float32)
        self.linear = Linear.fit(features, labels, num_classes, c=TEXT_C)
        return self

    def predict_proba(self, inputs: Sequence[str]) -> np.ndarray:
        if not self.terms or not len(inputs):
            return self.linear.predict_proba(csr_array((len(inputs), len(self.terms))))
        vectorizer = _build_vectorizer(vocabulary=self.terms)
        vectorizer.idf_ = self.idf
        return self.linear.predict_proba(vectorizer.transform(inputs))

    def arrays(self) -> dict[str, np.ndarray]:
        # One run of bytes: an array of strings would pad each to the longest.
        text = "\n".join(self.terms).encode("utf-8")
        return {
            "terms": np.frombuffer(text, dtype=np.uint8),
            "idf": self.idf,
            **self.linear.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        baseline = cls()
        text = arrays["terms"].tobytes().decode("utf-8")
        baseline.terms = text.split("\n") if text else []
        baseline.idf, baseline.linear = arrays["idf"], Linear(arrays)
        return baseline


class MeanFrameLogisticRegression(Baseline):
    """Mean frame features (n, D) -> standardised -> logistic regression: blind to the order of frames.

    The mean is `average_steps`. Averaging frames came within 0.8 points of the LSTM on UCF-101
    (Donahue et al. 2015, LRCN): what a recurrence is worth is what it adds to this.
    """

    name = "mean_frame_logistic_regression"
    mean: np.ndarray  # (D,) float64, over the training part
    scale: np.ndarray  # (D,) float64, 1 where a feature never changes
    linear: "Linear"

    def fit(self, inputs: np.ndarray, labels: np.ndarray, num_classes: int) -> Self:
        labels = _check(inputs, labels, num_classes)
        features = _check_features(inputs)
        self.mean, scale = features.mean(axis=0), features.std(axis=0)
        # A constant has a deviation of rounding errors; to divide by it would make noise of it.
        self.scale = np.where(scale > 1e-9 * (1 + abs(self.mean)), scale, 1.0)
        standard = (features - self.mean) / self.scale
        self.linear = Linear.fit(standard, labels, num_classes, c=FRAME_C)
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        features = _check_features(inputs, num_features=len(self.mean))
        return self.linear.predict_proba((features - self.mean) / self.scale)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "scale": self.scale, **self.linear.arrays()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        baseline = cls()
        baseline.mean, baseline.scale = arrays["mean"], arrays["scale"]
        baseline.linear = Linear(arrays)
        return baseline


class Linear:
    """A fitted logistic regression over the P classes that had examples, answering for all K.

    arrays: weights (P, V), or (1, V) where P = 2 as scikit-learn has it; biases (P,) or (1,);
    present (P,) int64, the classes; num_classes () int64.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.weights, self.biases = arrays["weights"], arrays["biases"]
        self.present, self.num_classes = arrays["present"], int(arrays["num_classes"])

    @classmethod
    def fit(cls, features: Any, labels: np.ndarray, num_classes: int, *, c: float) -> Self:
        """features (n, V) dense or sparse, labels (n,) -> fitted; the weights have features' dtype."""
        present, counts = np.unique(labels, return_counts=True)
        if (
            len(present) == 1 or features.shape[1] == 0
        ):  # nothing to tell apart, or nothing to tell by
            weights = np.zeros((len(present), features.shape[1]), dtype=features.dtype)
            biases = np.log(counts / counts.sum())
        else:
            # L-BFGS is multinomial for any K; of all solvers it is among the fastest here, and none
            # is more accurate.
            model = LogisticRegression(C=c, solver="lbfgs", max_iter=1_000).fit(features, labels)
            weights, biases = model.coef_, model.intercept_
        return cls(
            {
                "weights": weights,
                "biases": biases,
                "present": present,
                "num_classes": np.array(num_classes),
            }
        )

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "weights": self.weights,
            "biases": self.biases,
            "present": self.present,
            "num_classes": np.array(self.num_classes),
        }

    def predict_proba(self, features: Any) -> np.ndarray:
        """(n, V) -> (n, K) float64."""
        logits = np.asarray(features @ self.weights.T.astype(np.float64)) + self.biases
        if logits.shape[1] < len(self.present):  # two classes share one row: the second against 0
            logits = np.hstack([np.zeros_like(logits), logits])
        probabilities = np.zeros((features.shape[0], self.num_classes))
        probabilities[:, self.present] = softmax(logits, axis=1)
        return probabilities


KINDS: dict[str, type[Baseline]] = {
    kind.name: kind for kind in (Majority, TfidfLogisticRegression, MeanFrameLogisticRegression)
}


def average_steps(features: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Features of all steps end to end (N, D), lengths (B,), each >= 1 -> means (B, D) float64.

    Raises ValueError for lengths that are below 1 or do not sum to N.
    """
    lengths = np.asarray(lengths)
    if lengths.size == 0 or lengths.min() < 1 or lengths.sum() != len(features):
        raise ValueError(
            f"{lengths.size} lengths came that sum to {lengths.sum()} for {len(features)} "
            "steps; 1 or more lengths of 1 or more must sum to the steps: pass their own"
        )
    starts = np.cumsum(lengths) - lengths
    return np.add.reduceat(np.asarray(features, dtype=np.float64), starts) / lengths[:, None]


def score(baseline: Baseline, inputs: Any, labels: np.ndarray) -> dict[str, float]:
    """n inputs, labels (n,) -> accuracy, macro_f1, log_loss, by the report's own `scores`."""
    return scores(labels, baseline.predict_proba(inputs))


def save(path: Path, baselines: Sequence[Baseline]) -> None:
    """Keep fitted baselines in one compressed .npz, which appears whole or not at all.

    Raises ValueError for two of one name.
    """
    names = [baseline.name for baseline in baselines]
    if len(set(names)) != len(names):
        raise ValueError(f"baselines came as {names}; each name once is allowed: drop the double")
    contents: dict[str, Any] = {"names": np.array(names, dtype=np.str_)}
    for baseline in baselines:
        contents |= {f"{baseline.name}/{key}": value for key, value in baseline.arrays().items()}
    with open_replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **contents)


def load(path: Path) -> list[Baseline]:
    """Read what `save` wrote; predictions are those of the saved baselines.

    Raises ValueError for a file that is something else or has a baseline unknown here.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no .npz archive; a file written by baselines.save is needed: "
            "fit and save the baselines again"
        )
    with np.load(path, allow_pickle=False) as contents:
        arrays = dict(contents)
    names = arrays["names"].tolist() if "names" in arrays else ["(no names)"]
    if unknown := [name for name in names if name not in KINDS]:
        raise ValueError(
            f"{path} holds the baselines {unknown}; known are {list(KINDS)}: fit and save "
            "them again with this version"
        )
    return [
        KINDS[name].from_arrays(
            {
                key.removeprefix(f"{name}/"): value
                for key, value in arrays.items()
                if key.startswith(f"{name}/")
            }
        )
        for name in names
    ]


def _build_vectorizer(**options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(
        preprocessor=_clean,
        token_pattern=TERM,
        ngram_range=(1, 2),
        sublinear_tf=True,
        dtype=np.float32,
        **options,
    )


def _clean(text: str) -> str:
    return LINE_BREAK.sub(" ", text).lower()


def _check(inputs: Any, labels: np.ndarray, num_classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if len(labels) == 0 or labels.shape != (len(inputs),):
        raise ValueError(
            f"labels {labels.shape} came with {len(inputs)} inputs; 1 or more, and as many "
            "of each, are needed: pass one label an input"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"{labels.dtype} labels from {labels.min()} to {labels.max()} came; integers "
            f"from 0 to {num_classes - 1} are allowed: pass class indices"
        )
    return labels.astype(np.int64)


def _check_features(inputs: np.ndarray, *, num_features: int | None = None) -> np.ndarray:
    features = np.asarray(inputs, dtype=np.float64)
    if features.ndim != 2 or num_features not in (None, features.shape[1]):
        raise ValueError(
            f"features {features.shape} came; (n, {num_features or 'D'}) is needed: pass "
            "one mean frame an example, by average_steps"
        )
    if not np.isfinite(features).all():
        raise ValueError(
            "features came with NaN or infinity; finite numbers are needed: check the "
            "encoder's weights and the frames"
        )
    return features
