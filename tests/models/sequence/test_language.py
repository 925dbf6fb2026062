import math

import pytest
import torch
from torch.nn.functional import nll_loss

from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import OneHot, WordEmbedding
from models.errors import OptionError
from models.heads import softmax
from models.heads.softmax import AdaptiveSoftmax, Softmax, in_chunks
from models.recurrence.recurrences import GRU, LSTM, RNN
from models.sequence.language_model import LanguageModel
from models.sequence.many_to_one import ManyToOne


def small_model(num_tokens=11, features=5, recurrence=LSTM, hidden_size=7, num_layers=1, **options):
    encoder = WordEmbedding(num_tokens, features=features)
    reader = recurrence(features, hidden_size=hidden_size, num_layers=num_layers)
    return LanguageModel(encoder, reader, num_tokens=num_tokens, **options)


def test_hello_needs_what_came_before():
    """From the lecture: after the first l comes l, after the second o."""
    letters = "helo"
    steps, targets = (torch.tensor([letters.index(x) for x in text]) for text in ("hell", "ello"))
    lengths = torch.tensor([4])
    model = LanguageModel(OneHot(4), LSTM(4, hidden_size=3), num_tokens=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        losses, _ = model.losses(steps, lengths, targets)
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
    log_probabilities, _ = model(steps, lengths)
    assert torch.equal(log_probabilities.argmax(1), targets)
    assert losses.max() < 0.1
    # Only the state tells the two l apart: read one by one, they are answered alike.
    alone = [int(model(step[None], torch.tensor([1]))[0].argmax()) for step in steps]
    assert alone[2] == alone[3]
    # And read on from the state, step by step, they are not.
    state, answers = None, []
    for step in steps:
        log_probabilities, state = model(step[None], torch.tensor([1]), state)
        answers.append(int(log_probabilities.argmax()))
    assert answers == targets.tolist()


@pytest.mark.parametrize("recurrence", [RNN, GRU, LSTM])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_batches_with_a_carried_state_equal_one_long_pass(recurrence, num_layers):
    model = small_model(recurrence=recurrence, num_layers=num_layers)
    tokens = torch.randint(0, 11, (3, 41))
    whole, _ = model.losses(tokens[:, :-1].flatten(), torch.full((3,), 40), tokens[:, 1:].flatten())
    state, pieces = None, []
    for start in range(0, 40, 8):
        steps = tokens[:, start : start + 8].flatten()
        targets = tokens[:, start + 1 : start + 9].flatten()
        losses, state = model.losses(steps, torch.full((3,), 8), targets, state)
        pieces.append(losses.unflatten(0, (3, 8)))
    torch.testing.assert_close(torch.cat(pieces, 1), whole.unflatten(0, (3, 40)))
    with pytest.raises(ValueError, match="a state of 3 sequences for 2"):
        model.read(torch.tensor([1, 2]), torch.tensor([1, 1]), state)


def test_losses_are_those_of_the_log_probabilities():
    for options in ({}, {"tied": True}, {"adaptive_cutoffs": [3, 6]}):
        model = small_model(hidden_size=16, **options)
        steps, targets, lengths = torch.arange(11), torch.arange(10, -1, -1), torch.tensor([4, 7])
        log_probabilities, _ = model(steps, lengths)
        assert log_probabilities.shape == (11, 11)
        torch.testing.assert_close(log_probabilities.exp().sum(1), torch.ones(11))
        losses, _ = model.losses(steps, lengths, targets)
        torch.testing.assert_close(losses, nll_loss(log_probabilities, targets, reduction="none"))


@pytest.mark.parametrize("hidden_size", [5, 7])
def test_tied_weights_are_one_memory(hidden_size):
    model = small_model(hidden_size=hidden_size, tied=True)
    assert model.head.linear.weight is model.encoder.embedding.weight
    assert (model.head.project is None) == (hidden_size == 5)
    names = [name for name, _ in model.named_parameters()]
    assert "encoder.embedding.weight" in names
    assert "head.linear.weight" not in names
    other = small_model(hidden_size=hidden_size, tied=True)
    other.load_state_dict(model.state_dict())
    assert other.head.linear.weight is other.encoder.embedding.weight
    before = small_model(hidden_size=hidden_size)
    assert sum(p.numel() for p in model.parameters()) < sum(p.numel() for p in before.parameters())


def test_clusters_that_a_vocabulary_does_not_reach_fall_away():
    assert isinstance(small_model(adaptive_cutoffs=[11, 20]).head, Softmax)
    head = small_model(adaptive_cutoffs=[4, 11]).head
    assert isinstance(head, AdaptiveSoftmax)
    assert head.adaptive.cutoffs == [4, 11]
    assert head.adaptive.n_clusters == 1


def test_a_cluster_without_a_token_still_has_a_gradient():
    head = AdaptiveSoftmax(16, 12, cutoffs=[4, 8])
    head.losses(torch.randn(3, 16), torch.tensor([0, 1, 5])).sum().backward()
    assert all(p.grad is not None for p in head.parameters())
    assert head.adaptive.tail[1][0].weight.grad.abs().max() == 0


@pytest.mark.parametrize("head", [Softmax, AdaptiveSoftmax])
def test_chunks_change_neither_losses_nor_gradients(head, monkeypatch):
    features, targets = torch.randn(10, 16), torch.randint(0, 20, (10,))
    found = []
    for most in (2**24, 45):
        monkeypatch.setattr(softmax, "MAX_SCORES", most)
        torch.manual_seed(3)
        options = {"cutoffs": [8, 15]} if head is AdaptiveSoftmax else {}
        made = head(16, 20, **options)
        asked = features.clone().requires_grad_()
        losses = made.losses(asked, targets)
        losses.square().sum().backward()
        found.append([losses, asked.grad, *(p.grad for p in made.parameters())])
        with torch.no_grad():
            torch.testing.assert_close(made.losses(features, targets), losses.detach())
    assert made.chunk_steps in (2, 4)
    torch.testing.assert_close(found[0], found[1])


def test_chunks_never_hold_more_steps_than_they_may():
    seen = []

    def losses(features, targets):
        seen.append(len(features))
        return features[:, 0] + targets

    whole = in_chunks(losses, torch.ones(7, 1), torch.arange(7), chunk_steps=3)
    assert whole.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert seen == [3, 3, 1]


def test_a_new_model_knows_nothing():
    losses, _ = small_model(num_tokens=100).losses(
        torch.arange(50), torch.tensor([50]), torch.arange(50, 100)
    )
    assert losses.mean().item() == pytest.approx(math.log(100), abs=0.2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tied": True, "adaptive_cutoffs": [3]}, "choose one"),
        ({"adaptive_cutoffs": [5, 5]}, "numbers that rise"),
        ({"adaptive_cutoffs": [0, 5]}, "the first above 0"),
        ({"adaptive_cutoffs": [4, 8]}, "7 features are too few for 2 clusters, which need 16"),
    ],
)
def test_options_that_do_not_fit(options, says):
    with pytest.raises(OptionError, match=says):
        small_model(**options)


def test_a_recurrence_that_sees_the_future_is_refused():
    both = LSTM(5, hidden_size=4, bidirectional=True)
    with pytest.raises(OptionError, match="reads backwards"):
        LanguageModel(WordEmbedding(9, features=5), both, num_tokens=9)
    with pytest.raises(OptionError, match="OneHot has no vectors"):
        LanguageModel(OneHot(9), LSTM(9, hidden_size=4), num_tokens=9, tied=True)


def test_encoder_and_recurrence_fit_into_the_classifier():
    model = small_model(num_layers=2)
    classifier = ManyToOne(
        WordEmbedding(11, features=5), LSTM(5, hidden_size=7, num_layers=2), num_classes=2
    )
    ours = {k for k in model.state_dict() if k.startswith(("encoder.", "recurrence."))}
    theirs = {k for k in classifier.state_dict() if not k.startswith("head.")}
    assert ours == theirs


def test_mixed_precision_on_the_cpu():
    for options in ({}, {"tied": True}, {"adaptive_cutoffs": [3, 6]}):
        model = small_model(hidden_size=16, **options)
        steps, targets, lengths = torch.arange(11), torch.arange(10, -1, -1), torch.tensor([4, 7])
        exact, _ = model.losses(steps, lengths, targets)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses, _ = model.losses(steps, lengths, targets)
            losses.mean().backward()
        assert losses.dtype == torch.float32
        torch.testing.assert_close(losses, exact, atol=0.05, rtol=0.02)


def test_an_encoder_that_looks_back_is_refused():
    with pytest.raises(OptionError, match="NgramEmbedding: looks back at earlier tokens"):
        LanguageModel(NgramEmbedding(5, features=4), LSTM(4), num_tokens=5)


def test_smoothed_labels_need_all_tokens_in_one_softmax():
    with pytest.raises(OptionError, match=r"label_smoothing=0\.1 with adaptive_cutoffs"):
        small_model(adaptive_cutoffs=[4], label_smoothing=0.1)


def test_smoothed_labels_by_hand():
    head = Softmax(1, 2, label_smoothing=0.2)
    head.linear.weight, head.linear.bias = (
        torch.nn.Parameter(torch.tensor([[1.0], [0.0]])),
        torch.nn.Parameter(torch.zeros(2)),
    )
    first, second = (math.log(1 / (1 + math.exp(-x))) for x in (1, -1))
    features, targets = torch.ones(1, 1), torch.tensor([0])
    assert head.losses(features, targets).item() == pytest.approx(-(0.9 * first + 0.1 * second))
    assert head.eval().losses(features, targets).item() == pytest.approx(-first)
