import pytest
import torch

from models.encoders.frames import SmallCNN
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import OneHot, WordEmbedding
from models.errors import OptionError
from models.heads.pooling import POOLINGS, concat, last, maximum, mean
from models.recurrence.recurrences import GRU, LSTM, RNN
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs


def frames_model(pooling="last", bidirectional=False, chunk_size=2048, **inputs):
    torch.manual_seed(1)
    encoder = SmallCNN(features=8, width=8, chunk_size=chunk_size)
    made = StepInputs(8, **inputs) if inputs else None
    in_features = made.out_features if made else 8
    recurrence = LSTM(in_features, hidden_size=6, bidirectional=bidirectional)
    return ManyToOne(encoder, recurrence, num_classes=3, inputs=made, pooling=pooling).eval()


def test_poolings_by_hand():
    outputs = torch.tensor([[1.0, 5.0], [4.0, 2.0], [-3.0, -1.0]])
    lengths = torch.tensor([2, 1])
    assert last(outputs, lengths).tolist() == [[4, 2], [-3, -1]]
    assert last(outputs, lengths, 2).tolist() == [[4, 5], [-3, -1]]
    assert mean(outputs, lengths).tolist() == [[2.5, 3.5], [-3, -1]]
    assert maximum(outputs, lengths).tolist() == [[4, 5], [-3, -1]]
    assert concat(outputs, lengths).shape == (2, 6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("inputs", [{}, {"difference": "absolute", "center": True, "project": 7}])
def test_prediction_does_not_depend_on_company_or_chunk(pooling, bidirectional, inputs):
    lengths = torch.tensor([3, 17, 8, 1])
    frames = torch.randint(0, 256, (29, 3, 32, 40), dtype=torch.uint8)
    together = frames_model(pooling, bidirectional, **inputs)(frames, lengths)
    in_chunks = frames_model(pooling, bidirectional, chunk_size=5, **inputs)(frames, lengths)
    torch.testing.assert_close(in_chunks, together, atol=1e-5, rtol=1e-5)
    for row, clip in enumerate(torch.split(frames, lengths.tolist())):
        alone = frames_model(pooling, bidirectional, **inputs)(clip, lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_inputs_stand_between_encoder_and_recurrence():
    lengths = torch.tensor([4, 2])
    features = torch.randn(6, 8)
    model = frames_model(difference="signed", scale=True, project=3)
    outputs, _ = model.recurrence(model.inputs(features, lengths), lengths)
    expected = model.head(last(outputs, lengths))
    assert torch.equal(model.read(features, lengths), expected)
    # Without them a model has the weights it always had, and old checkpoints load.
    assert not any(key.startswith("inputs") for key in frames_model().state_dict())


def test_chunks_give_the_same_gradient():
    frames = torch.randint(0, 256, (11, 3, 32, 32), dtype=torch.uint8)
    lengths = torch.tensor([6, 5])
    gradients = []
    for chunk_size in (4, 100):
        model = frames_model(chunk_size=chunk_size).train()
        model(frames, lengths).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "max", "concat"])
@pytest.mark.parametrize("recurrence", [RNN, GRU, LSTM])
def test_step_0_of_2000_receives_gradient(recurrence, pooling):
    encoder = WordEmbedding(2000, features=16)
    model = ManyToOne(encoder, recurrence(16, hidden_size=64), num_classes=2, pooling=pooling)
    # Every step its own token: the gradient of a row is the gradient at that step.
    model(torch.arange(2000), torch.tensor([2000])).square().sum().backward()
    assert encoder.embedding.weight.grad[0].abs().max() > 0


def test_last_step_of_2000_reaches_back_to_step_0_through_the_cell():
    encoder, recurrence = OneHot(4), LSTM(4, hidden_size=8)
    with torch.no_grad():  # remember everything (f = 1), write little (i ≈ 0.001): c stays moderate
        recurrence.layers[0][0].fused.bias_ih_l0[8:16] = 20.0
        recurrence.layers[0][0].fused.bias_ih_l0[:8] = -7.0
    model = ManyToOne(encoder, recurrence, num_classes=2)
    x = torch.randint(0, 4, (2000,))
    features = encoder(x).requires_grad_()
    model.read(features, torch.tensor([2000]))[0, 0].backward()
    assert features.grad[0].abs().max() > 1e-6


def test_some_tokens_are_read_as_unknown_while_training_and_none_after():
    tokens, lengths = torch.full((4000,), 7), torch.tensor([4000])
    for encoder in (
        WordEmbedding(50, features=4, unknown_dropout=0.25),
        NgramEmbedding(50, ngrams=2, features=4, unknown_dropout=0.25, num_ngrams=5),
    ):
        found = encoder.encode_ragged(tokens, lengths)
        unknown = (found == encoder.embedding.weight[0]).all(1)
        known = (found == encoder.embedding.weight[7]).all(1)
        assert (unknown ^ known).all()
        assert 0.2 < unknown.float().mean() < 0.3
        encoder.eval()
        assert (encoder.encode_ragged(tokens, lengths) == encoder.embedding.weight[7]).all()
    with pytest.raises(OptionError, match=r"unknown_dropout=1.0: from 0 to below 1"):
        WordEmbedding(50, unknown_dropout=1.0)


def test_word_dropout_drops_whole_words_and_keeps_the_mean():
    encoder = WordEmbedding(50, features=4, word_dropout=0.5)
    tokens = torch.arange(50).repeat(2)
    once = encoder(tokens)
    assert torch.equal(once[:50], once[50:])
    dropped = (once[:50] == 0).all(1)
    assert 5 < dropped.sum() < 45
    kept = once[:50][~dropped]
    torch.testing.assert_close(kept, 2 * encoder.embedding.weight[~dropped])
    assert torch.equal(encoder.eval()(tokens[:50]), encoder.embedding.weight)


def test_lstm_beats_an_order_blind_model_where_only_order_tells():
    """Class 1 is class 0 read backwards: the tokens, as a set, are the same."""
    generator = torch.Generator().manual_seed(0)
    rising = torch.sort(torch.randint(0, 12, (256, 10), generator=generator), dim=1).values
    labels = torch.arange(256) % 2
    tokens = torch.where(labels[:, None] == 0, rising, rising.flip(1))
    lengths = torch.full((256,), 10)
    accuracy = {}
    for name, recurrence in (("lstm", LSTM), ("rnn", RNN)):
        torch.manual_seed(0)
        model = ManyToOne(
            WordEmbedding(12, features=8), recurrence(8, hidden_size=16), num_classes=2
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(60):
            scores = model(tokens[:128].flatten(), lengths[:128])
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(scores, labels[:128]).backward()
            optimizer.step()
        answers = model(tokens[128:].flatten(), lengths[128:]).argmax(1)
        accuracy[name] = (answers == labels[128:]).float().mean().item()
    counts = torch.nn.functional.one_hot(tokens, 12).float().mean(1)
    weights = torch.linalg.lstsq(counts[:128], labels[:128, None] * 2.0 - 1).solution
    blind = ((counts[128:] @ weights)[:, 0] > 0) == labels[128:].bool()
    assert accuracy["lstm"] > 0.95
    assert blind.float().mean() < 0.7


@pytest.mark.parametrize("recurrence", [RNN, GRU, LSTM])
def test_mixed_precision_on_the_cpu(recurrence):
    """The encoder in bfloat16, the recurrence in float32: it trains, and says nearly the same."""
    encoder = WordEmbedding(50, features=128)
    model = ManyToOne(encoder, recurrence(128, hidden_size=128), num_classes=2, pooling="concat")
    tokens, lengths = torch.randint(0, 50, (90,)), torch.tensor([60, 30])
    exact = model(tokens, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(tokens, lengths)
        scores.float().square().sum().backward()
    torch.testing.assert_close(scores.float(), exact, atol=0.02, rtol=0.02)
    assert all(p.grad is not None for p in model.parameters())
