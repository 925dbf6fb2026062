"""What order and depth must beat: simple classifiers by scikit-learn, trained on the same examples.

All keep one contract, `Baseline`, and lie together in one .npz of plain arrays: never a pickle,
since to read a file of numbers must not be able to run code.

Letters: n examples, K classes, P of them with a training example, V terms, D features.
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
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from data.files.atomic_write import write_whole
from pipelines.metrics.measures import scores

# Chosen before a test set was seen: 10 is usual for TF-IDF rows, which have length 1; 1 is the
# default of scikit-learn and suits standardised features.
TEXT_C = 10.0
FRAME_C = 1.0
# On IMDB 50,000 to 360,000 terms agree to 0.003 in cross-validation on the training part.
MAX_TERMS = 200_000
# L-BFGS holds some 25 vectors of V x K doubles: with this they take 0.8 GB at most.
MAX_WEIGHTS = 4_000_000
# With fewer texts than this, a term seen once is kept: they are too few to be choosy.
MANY_TEXTS = 1_000

LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A word is letters, digits and the marks written onto them, at which Python's \w alone would break
# Hindi and Thai. Chinese characters and kana, which have no spaces between words, are a term each,
# so that a pair is about a word; so are emoji. Thai and Lao phrases stay whole: weak baselines.
MARKS = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c) in ("Mn", "Mc"))
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
JOINERS = "\u200c\u200d"
TERM = rf"[{UNSPACED}{EMOJI}]|[^\W{UNSPACED}](?:[^\W{UNSPACED}]|[{MARKS}{JOINERS}])*"


class Baseline(ABC):
    """Learns from the training part what can be learnt without reading a sequence in its order.

    All that is learnt stands in `state`, so a loaded baseline predicts what the fitted one did.
    """

    name: ClassVar[str]
    state: dict[str, np.ndarray]

    @abstractmethod
    def fit(self, inputs: Any, labels: np.ndarray, num_classes: int) -> Self:
        """inputs: n of them, labels (n,) integers in 0 .. K-1, where not every class need occur.

        Raises ValueError for labels that are out of range or not as many as the inputs.
        """

    @abstractmethod
    def predict_proba(self, inputs: Any) -> np.ndarray:
        """n inputs -> (n, K) float64, rows sum to 1; 0 for a class without a training example."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learnt, as arrays of numbers."""
        return dict(self.state)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The fitted baseline whose `arrays` these are."""
        baseline = cls()
        baseline.state = dict(arrays)
        return baseline


class Majority(Baseline):
    """Predicts the shares of the classes in the training part, whatever the input.

    Learns shares (K,) float64.
    """

    name = "majority"

    def fit(self, inputs: Sequence[Any], labels: np.ndarray, num_classes: int) -> Self:
        """inputs: anything that has a length n."""
        labels = _check(inputs, labels, num_classes)
        self.state = {"shares": np.bincount(labels, minlength=num_classes) / len(labels)}
        return self

    def predict_proba(self, inputs: Sequence[Any]) -> np.ndarray:
        """inputs: anything that has a length n -> (n, K)."""
        return np.tile(self.state["shares"], (len(inputs), 1))


class TfidfLogisticRegression(Baseline):
    """Texts -> TF-IDF of words and pairs of words -> logistic regression: knows what, hardly where.

    A linear model on bigrams is hard to beat: Wang & Manning 2012, "Baselines and Bigrams".
    The weights are those of scikit-learn's TfidfVectorizer with sublinear_tf
    (https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting).
    Where no training text has a word in it, it predicts the shares of the classes.

    Learns terms (bytes of UTF-8, a line each), idf (V,) and a linear map, both float32.
    """

    name = "tfidf_logistic_regression"

    def fit(self, inputs: Sequence[str], labels: np.ndarray, num_classes: int) -> Self:
        """inputs: n texts."""
        labels = _check(inputs, labels, num_classes)
        max_terms = max(1, min(MAX_TERMS, MAX_WEIGHTS // num_classes))
        min_df = 2 if len(inputs) >= MANY_TEXTS else 1
        vectorizer = _build_vectorizer(min_df=min_df, max_features=max_terms)
        try:
            features = vectorizer.fit_transform(inputs)
            terms, idf = vectorizer.get_feature_names_out(), vectorizer.idf_
        except ValueError as error:  # what scikit-learn makes of texts without a single term
            if "empty vocabulary" not in str(error) and "no terms remain" not in str(error):
                raise
            features = csr_array((len(inputs), 0), dtype=np.float32)
            terms, idf = [], np.zeros(0, dtype=np.float32)
        # Bytes, since an array of strings would pad every term to the longest.
        text = np.frombuffer("\n".join(terms).encode(), dtype=np.uint8)
        linear = _fit_linear(features, labels, num_classes, c=TEXT_C)
        self.state = {"terms": text, "idf": idf, **linear}
        return self

    def predict_proba(self, inputs: Sequence[str]) -> np.ndarray:
        """inputs: n texts -> (n, K)."""
        features = csr_array((len(inputs), len(self.state["idf"])), dtype=np.float32)
        if min(features.shape) > 0:
            terms = self.state["terms"].tobytes().decode().split("\n")
            vectorizer = _build_vectorizer(vocabulary=terms)
            vectorizer.idf_ = self.state["idf"]
            features = vectorizer.transform(inputs)
        return _predict_linear(self.state, features)


class _FeatureLogisticRegression(Baseline):
    """One vector of features a clip -> standardised -> logistic regression.

    Learns mean, scale (D,) float64 and a linear map.
    """

    def fit(self, inputs: np.ndarray, labels: np.ndarray, num_classes: int) -> Self:
        """inputs (n, D): a vector of each clip; ValueError where not finite."""
        labels = _check(inputs, labels, num_classes)
        features = _check_features(inputs)
        mean, scale = features.mean(axis=0), features.std(axis=0)
        # The deviation of a constant is a rounding error; to divide by it would make noise of it.
        scale = np.where(scale > 1e-9 * (1 + abs(mean)), scale, 1.0)
        linear = _fit_linear((features - mean) / scale, labels, num_classes, c=FRAME_C)
        self.state = {"mean": mean, "scale": scale, **linear}
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """inputs (n, D), as in `fit` -> (n, K)."""
        mean, scale = self.state["mean"], self.state["scale"]
        features = _check_features(inputs, num_features=len(mean))
        return _predict_linear(self.state, (features - mean) / scale)


class MeanFrameLogisticRegression(_FeatureLogisticRegression):
    """The mean of a clip's frame features: blind to their order.

    On UCF-101 such averages came within 0.8 points of the LSTM (Donahue et al. 2015, "LRCN"):
    what a recurrence is worth is what it adds to this.
    """

    name = "mean_frame_logistic_regression"


class SingleFrameLogisticRegression(_FeatureLogisticRegression):
    """The features of a clip's middle frame: what a picture tells.

    Schindler & Van Gool 2008, "Action Snippets: How many frames does human action recognition
    require?": where few frames do as well as all, a data set does not ask for the reading of time.
    """

    name = "single_frame_logistic_regression"


_KINDS = (
    Majority,
    TfidfLogisticRegression,
    MeanFrameLogisticRegression,
    SingleFrameLogisticRegression,
)
KINDS: dict[str, type[Baseline]] = {kind.name: kind for kind in _KINDS}


def score(baseline: Baseline, inputs: Any, labels: np.ndarray) -> dict[str, float]:
    """n inputs, labels (n,) -> accuracy, macro_f1, log_loss, by the report's own `scores`."""
    return scores(labels, baseline.predict_proba(inputs))


def save(path: Path, baselines: Sequence[Baseline]) -> None:
    """Keep fitted baselines in one compressed .npz, which appears whole or not at all.

    Raises ValueError for two of one name.
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
    """The baselines that `save` kept, which predict what they did then.

    Raises ValueError for a file that is something else or names a baseline unknown here.
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


def _fit_linear(
    features: Any, labels: np.ndarray, num_classes: int, *, c: float
) -> dict[str, np.ndarray]:
    """features (n, V) dense or sparse, labels (n,) -> a linear map, its weights of features' dtype.

    weights (P, V) and biases (P,), one row alone for P = 2 as scikit-learn has it; present (P,),
    the classes that had an example; num_classes ().
    """
    present, counts = np.unique(labels, return_counts=True)
    if len(present) == 1 or features.shape[1] == 0:  # nothing to tell apart, or to tell by
        weights = np.zeros((len(present), features.shape[1]), dtype=features.dtype)
        biases = np.log(counts / counts.sum())
    else:
        # Multinomial for any P; on IMDB as accurate as the other solvers, and a second to fit.
        model = LogisticRegression(C=c, solver="lbfgs", max_iter=1_000).fit(features, labels)
        weights, biases = model.coef_, model.intercept_
    size = np.array(num_classes)
    return {"weights": weights, "biases": biases, "present": present, "num_classes": size}


def _predict_linear(state: dict[str, np.ndarray], features: Any) -> np.ndarray:
    """(n, V) -> (n, K) float64."""
    logits = np.asarray(features @ state["weights"].T.astype(np.float64)) + state["biases"]
    if logits.shape[1] < len(state["present"]):  # two classes share one row: the second against 0
        logits = np.hstack([np.zeros_like(logits), logits])
    probabilities = np.zeros((features.shape[0], int(state["num_classes"])))
    probabilities[:, state["present"]] = softmax(logits, axis=1)
    return probabilities


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
