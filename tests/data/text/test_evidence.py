import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from data.text.evidence import AGREEING, Evidence, TokenRows

BAD, GOOD, FILM, NOT = range(4)
NEGATIVE, POSITIVE = 0, 1
TEXTS = [[FILM, NOT, GOOD], [BAD, FILM, BAD], [GOOD, FILM], [FILM, NOT, BAD], [GOOD], [BAD]]
LABELS = [NEGATIVE, NEGATIVE, POSITIVE, POSITIVE, POSITIVE, NEGATIVE]


def rows(*texts):
    return TokenRows(np.array([t for text in texts for t in text]), np.array([*map(len, texts)]))


def learnt(*texts, labels, halves, num_classes=2):
    return Evidence(
        rows(*texts),
        labels=np.array(labels),
        halves=np.array(halves),
        num_tokens=4,
        num_classes=num_classes,
    )


def shares(evidence, *sentences, labels, halves):
    return evidence.shares(rows(*sentences), labels=np.array(labels), halves=np.array(halves))


def test_shares_are_those_of_logistic_regression_on_words_and_pairs_with_a_prior():
    evidence = learnt(*TEXTS, labels=LABELS, halves=[0] * 6)
    sentences = [[NOT, GOOD], [GOOD], [BAD, BAD, FILM], [FILM]]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\d", min_df=2)
    spelt = words.fit_transform([" ".join(map(str, text)) for text in TEXTS])
    linear = LogisticRegression(C=10.0, tol=1e-8, max_iter=1000).fit(spelt, LABELS)
    asked = words.transform([" ".join(map(str, text)) for text in sentences])
    for label in (NEGATIVE, POSITIVE):
        said = linear.predict_proba(asked)[:, label]
        expected = 0.7 * said / (0.7 * said + 0.3 * (1 - said))
        found = shares(evidence, *sentences, labels=[label] * 4, halves=[1] * 4)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_pair_ends_with_its_text():
    texts = [[NOT, GOOD], [GOOD, NOT]] * 2
    evidence = learnt(*texts, labels=[NEGATIVE, POSITIVE] * 2, halves=[0] * 4)
    together = shares(evidence, [NOT, GOOD], labels=[NEGATIVE], halves=[1])
    assert together > AGREEING + 0.05
    apart = shares(evidence, [NOT], [GOOD], labels=[NEGATIVE] * 2, halves=[1, 1])
    np.testing.assert_allclose(apart, AGREEING, atol=1e-6)


def test_a_sentence_is_not_read_by_the_half_that_its_text_is_in():
    texts = [[BAD], [GOOD]] * 2
    evidence = learnt(*texts, labels=[NEGATIVE, POSITIVE] * 2, halves=[0] * 4)
    found = shares(evidence, [BAD], [BAD], labels=[NEGATIVE] * 2, halves=[0, 1])
    # The other half is empty, and has no model.
    np.testing.assert_allclose(found[0], AGREEING)
    assert found[1] > AGREEING + 0.05


def test_what_no_text_tells_is_left_to_the_prior():
    two = learnt(*[[BAD], [GOOD]] * 2, labels=[0, 1] * 2, halves=[0] * 4, num_classes=3)
    # With three classes, of which nothing is known, the label of the text keeps its prior.
    np.testing.assert_allclose(shares(two, [BAD], labels=[2], halves=[0]), AGREEING)
    # The half that was read has no text of the class.
    assert shares(two, [BAD], labels=[2], halves=[1]) == [0]
    unlike = learnt([BAD], [GOOD], labels=[0, 1], halves=[0, 0])
    np.testing.assert_allclose(shares(unlike, [BAD], labels=[0], halves=[1]), AGREEING)
    alone = learnt([BAD], [BAD], labels=[0, 0], halves=[0, 0])
    np.testing.assert_allclose(shares(alone, [BAD], labels=[0], halves=[1]), AGREEING)


def test_very_many_classes_leave_all_to_the_prior():
    evidence = learnt([BAD], [GOOD], labels=[3, 4], halves=[0, 0], num_classes=500)
    assert shares(evidence, [BAD], labels=[3], halves=[1]) == pytest.approx([AGREEING])
