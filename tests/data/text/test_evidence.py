import numpy as np
import pytest

from data.text.evidence import AGREEING, Evidence, TokenRows

BAD, GOOD, FILM, NOT = range(4)
NEGATIVE, POSITIVE = 0, 1


def rows(*texts):
    return TokenRows(np.array([t for text in texts for t in text]), np.array([*map(len, texts)]))


def learnt(*texts, labels, halves, num_classes=2):
    evidence = Evidence(num_tokens=4, num_classes=num_classes)
    evidence.learn(rows(*texts), labels=np.array(labels), halves=np.array(halves))
    return evidence


def shares(evidence, *sentences, labels, halves):
    return evidence.shares(rows(*sentences), labels=np.array(labels), halves=np.array(halves))


def test_a_word_speaks_for_the_class_whose_texts_have_it():
    evidence = learnt([BAD], [GOOD], labels=[NEGATIVE, POSITIVE], halves=[0, 0])
    # Counts of BAD, 10 added: 11 of negative texts and 10 of positive ones, whose sums are the same. The
    # log-odds of naive Bayes are halved.
    odds = 0.7 / 0.3
    found = shares(
        evidence, [BAD], [BAD], [FILM], labels=[NEGATIVE, POSITIVE, NEGATIVE], halves=[1, 1, 1]
    )
    expected = [odds * 1.1**0.5, odds * 1.1**-0.5, odds]
    np.testing.assert_allclose(found, [one / (1 + one) for one in expected])


def test_a_word_counts_once_in_a_text_and_in_a_sentence():
    once = learnt([BAD, FILM], labels=[NEGATIVE], halves=[0])
    twice = learnt([BAD, FILM, BAD, FILM], labels=[NEGATIVE], halves=[0])
    told = {"labels": [NEGATIVE], "halves": [1]}
    # The pair FILM BAD is new in the second, so a sentence without pairs is asked for.
    assert shares(once, [BAD], **told) == pytest.approx(shares(twice, [BAD], **told), rel=1e-6)
    several = learnt(*[[BAD]] * 50, labels=[NEGATIVE] * 50, halves=[0] * 50)
    assert shares(several, [BAD], **told) > shares(once, [BAD], **told)


def test_pairs_tell_orders_apart_and_end_with_their_text():
    texts = [[NOT, GOOD, FILM], [GOOD, FILM, NOT]] * 50
    evidence = learnt(*texts, labels=[NEGATIVE, POSITIVE] * 50, halves=[0] * 100)
    told = {"labels": [NEGATIVE], "halves": [1]}
    assert shares(evidence, [NOT, GOOD], **told) > AGREEING
    np.testing.assert_allclose(shares(evidence, [NOT], **told), AGREEING)
    apart = shares(evidence, [NOT], [GOOD], labels=[NEGATIVE] * 2, halves=[1, 1])
    np.testing.assert_allclose(apart, AGREEING)


def test_a_sentence_is_not_read_by_the_half_that_its_text_is_in():
    evidence = learnt([BAD], labels=[NEGATIVE], halves=[0])
    found = shares(evidence, [BAD], [BAD], labels=[NEGATIVE] * 2, halves=[0, 1])
    np.testing.assert_allclose(found[0], AGREEING)
    assert found[1] > AGREEING


def test_three_classes():
    evidence = learnt([BAD], [GOOD], [FILM], labels=[0, 1, 2], halves=[0] * 3, num_classes=3)
    told = [shares(evidence, [BAD], labels=[k], halves=[1])[0] for k in range(3)]
    agreeing, other = 0.7 * 1.1**0.5, 0.15 * 1.1**0.5
    np.testing.assert_allclose(told[0], agreeing / (agreeing + 0.3))
    np.testing.assert_allclose(told[1:], 0.7 / (0.7 + 0.15 + other))


def test_very_many_classes_leave_all_to_the_prior():
    evidence = learnt([BAD], labels=[3], halves=[0], num_classes=500)
    assert shares(evidence, [BAD], labels=[3], halves=[1]) == [AGREEING]
