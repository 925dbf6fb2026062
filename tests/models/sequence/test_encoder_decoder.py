"""Encoder-decoders: a decoder that is stepped equals one that is taught, whatever stands beside it."""

import pytest
import torch
from torch import nn

from models.encoders.words import Encoder, WordEmbedding
from models.errors import OptionError
from models.heads import attention
from models.heads.attention import AdditiveAttention, GeneralAttention
from models.recurrence.recurrences import GRU, LSTM, RNN
from models.sequence.encoder_decoder import EncoderDecoder
from models.sequence.language_model import LanguageModel
from models.sequence.search import beam_search
from models.sequence.sources import ReadSource, SeenSource

V, END = 9, 0
ATTENTIONS = [None, GeneralAttention, AdditiveAttention]


def translator(kind=GeneralAttention, *, recurrence=LSTM, start="state", num_layers=1, **options):
    torch.manual_seed(1)
    source = ReadSource(WordEmbedding(V, features=5), LSTM(5, hidden_size=4, bidirectional=True))
    decoder = LanguageModel(
        WordEmbedding(V, features=6),
        recurrence(6, hidden_size=7, num_layers=num_layers),
        num_tokens=V,
        **options,
    )
    model = EncoderDecoder(source, decoder, attention=kind and kind(7, 8), start=start).eval()
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    return model


class Places(Encoder):
    """Two places of each frame of 4 values."""

    out_features = 2

    def forward(self, steps):
        return steps.unflatten(1, (2, 2))


class Frames(Encoder):
    """The frame itself as one vector."""

    out_features = 4

    def forward(self, steps):
        return steps


def stepped_losses(model, memory, sequences):
    """Losses of each sequence [END, w₁ …] → [w₁ …, END], token by token."""
    found = []
    for k, words in enumerate(sequences):
        alone = memory.rows(torch.tensor([k]))
        state, losses = alone.state, []
        for read, right in zip([END, *words], [*words, END], strict=True):
            scores, state, _ = model.step(torch.tensor([read]), state, alone)
            losses.append(-scores[0, right])
        found += losses
    return torch.stack(found)


SOURCE, LENGTHS = torch.tensor([3, 4, 1, 2, 2, 8]), torch.tensor([1, 3, 2])
WORDS = [[1, 2, 3], [4], [5, 5]]
TOKENS = torch.tensor([END, 1, 2, 3, END, 4, END, 5, 5])
TARGETS = torch.tensor([1, 2, 3, END, 4, END, 5, 5, END])
COUNTS = torch.tensor([4, 2, 3])


@pytest.mark.parametrize("start", ["state", "input", "both", "each"])
@pytest.mark.parametrize("recurrence", [RNN, GRU, LSTM])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_stepped_is_taught(kind, recurrence, start):
    model = translator(kind, recurrence=recurrence, start=start, num_layers=2)
    memory = model.remember(SOURCE, LENGTHS)
    taught = model.losses(memory, TOKENS, COUNTS, TARGETS)
    assert torch.allclose(taught, stepped_losses(model, memory, WORDS), atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_other_sources_beside_it_change_nothing(kind):
    model = translator(kind)
    together = model.losses(model.remember(SOURCE, LENGTHS), TOKENS, COUNTS, TARGETS)
    for k, (source, tokens, targets) in enumerate(
        zip(
            SOURCE.split(LENGTHS.tolist()),
            TOKENS.split(COUNTS.tolist()),
            TARGETS.split(COUNTS.tolist()),
            strict=True,
        )
    ):
        memory = model.remember(source, LENGTHS[k : k + 1])
        alone = model.losses(memory, tokens, COUNTS[k : k + 1], targets)
        assert torch.allclose(together.split(COUNTS.tolist())[k], alone, atol=1e-6)


@pytest.mark.parametrize("start", ["state", "input", "both", "each"])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_the_first_step_of_the_longest_source_receives_gradient(kind, start):
    model = translator(kind, start=start)
    memory = model.remember(SOURCE, LENGTHS)
    # Only the last token's loss: its way back leads through the whole decoder and source.
    model.losses(memory, TOKENS, COUNTS, TARGETS)[5].backward()
    gradient = model.source.encoder.embedding.weight.grad
    assert gradient[4].abs().sum() > 0  # first token of the longest source
    assert gradient[3].abs().sum() == 0  # another source


def test_general_attention_by_hand():
    made = GeneralAttention(1, 2)
    made.to_keys.weight = nn.Parameter(torch.tensor([[1.0, 2.0]]))
    values = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
    attended = made.remember(values, torch.tensor([[False, False, True]]))
    context, weights = made(torch.tensor([[[1.0]]]), attended)
    # Scores 1 and 2; the third step is padding.
    first = 1 / (1 + torch.e)
    assert weights.flatten().tolist() == pytest.approx([first, 1 - first, 0])
    assert context.flatten().tolist() == pytest.approx([first, 1 - first])


def test_additive_attention_in_chunks_is_the_same(monkeypatch):
    made = AdditiveAttention(3, 2, compared=4)
    attended = made.remember(torch.randn(2, 5, 2), torch.zeros(2, 5, dtype=torch.bool))
    queries = torch.randn(2, 7, 3)

    def found():
        made.zero_grad()
        contexts, _ = made(queries, attended._replace(keys=made.to_keys(attended.values)))
        contexts.square().sum().backward()
        return [contexts, *(parameter.grad.clone() for parameter in made.parameters())]

    whole = found()
    monkeypatch.setattr(attention, "MAX_VALUES", 80)  # two steps at a time
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(whole, found(), strict=True))


def test_places_and_frames_are_remembered_each():
    frames, lengths = torch.arange(12.0).view(3, 4), torch.tensor([1, 2])
    places = SeenSource(Places())(frames, lengths)
    assert places.lengths.tolist() == [2, 4]
    assert places.steps.tolist() == frames.view(6, 2).tolist()
    assert places.summary.tolist() == [[1, 2], [7, 8]]
    whole = SeenSource(Frames())(frames, lengths)
    assert whole.lengths.tolist() == [1, 2]
    assert whole.summary.tolist() == [[0, 1, 2, 3], [6, 7, 8, 9]]


def test_steps_that_were_encoded_before_are_remembered_alike():
    torch.manual_seed(0)
    frames, lengths = torch.rand(3, 4), torch.tensor([1, 2])
    for source in (
        SeenSource(Places(), features=3),
        ReadSource(Frames(), LSTM(4, hidden_size=3), with_features=True),
    ):
        source.eval()
        before = source.encoder.encode_ragged(frames, lengths)
        for one, other in zip(
            source(frames, lengths), source(before, lengths, is_encoded=True), strict=True
        ):
            torch.testing.assert_close(one, other)
        assert source(frames, lengths).steps.shape[1] == source.out_features


def test_a_step_is_remembered_as_it_looked_and_as_it_was_read():
    torch.manual_seed(0)
    frames, lengths = torch.rand(3, 4), torch.tensor([1, 2])
    source = ReadSource(Frames(), LSTM(4, hidden_size=3), with_features=True)
    plain = ReadSource(Frames(), source.recurrence)
    found, read = source(frames, lengths), plain(frames, lengths)
    torch.testing.assert_close(found.steps, torch.cat([frames, read.steps], dim=1))
    torch.testing.assert_close(found.summary, read.summary)
    assert (source.out_features, source.summary_features) == (7, 3)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_a_man_with_hat(kind):
    """From the lecture: another picture is another caption, each ended by END."""
    words = ["END", "a", "man", "with", "hat", "dog", "red"]
    captions = [[1, 2, 3, 4], [1, 6, 5]]
    torch.manual_seed(0)
    decoder = LanguageModel(WordEmbedding(7, features=8), LSTM(8, hidden_size=12), num_tokens=7)
    model = EncoderDecoder(SeenSource(Places()), decoder, attention=kind and kind(12, 2))
    pictures, lengths = torch.tensor([[1.0, 0, 0, 1], [0, 1.0, 1, 0]]), torch.tensor([1, 1])
    pictures[1] *= 2
    tokens = torch.tensor([token for caption in captions for token in [END, *caption]])
    targets = torch.tensor([token for caption in captions for token in [*caption, END]])
    counts = torch.tensor([5, 4])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(80):
        losses = model.losses(model.remember(pictures, lengths), tokens, counts, targets)
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
    model.eval()
    found = beam_search(model, model.remember(pictures, lengths), end=END, max_tokens=9, beam=2)
    said = [" ".join(words[token] for token in one[0].tokens) for one in found]
    assert said == ["a man with hat", "a red dog"]
    assert all(one[0].is_finished for one in found)


def test_sizes_that_do_not_fit():
    model = translator()
    with pytest.raises(
        OptionError, match="GeneralAttention of 3 and 8 features: the decoder has 7"
    ):
        EncoderDecoder(model.source, model.decoder, attention=GeneralAttention(3, 8))
