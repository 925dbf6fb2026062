import torch
from torch import nn

from models.encoders.words import Encoder, WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.many_to_one import ManyToOne


def test_an_encoder_need_know_no_more_than_a_step_alone():
    class Own(Encoder):
        out_features = 2

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, steps):
            return self.linear(steps)

    encoder, steps, lengths = Own(), torch.randn(5, 3), torch.tensor([2, 3])
    model = ManyToOne(encoder, LSTM(2, hidden_size=4), num_classes=2)
    torch.testing.assert_close(model(steps, lengths), model.read(encoder(steps), lengths))


def test_normalised_vectors_have_mean_0_and_variance_1_over_running_words():
    torch.manual_seed(0)
    encoder = WordEmbedding(4, features=3, normalize=True)
    encoder.frequencies.copy_(torch.tensor([0.5, 0.25, 0.125, 0.125]))
    running = encoder(torch.tensor([0, 0, 0, 0, 1, 1, 2, 3]))
    torch.testing.assert_close(running.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(running.var(0, correction=0), torch.ones(3), atol=1e-4, rtol=0)


def test_their_scale_cannot_be_changed_by_learning():
    encoder = WordEmbedding(4, features=3, normalize=True)
    before = encoder.vectors()
    with torch.no_grad():
        encoder.embedding.weight.mul_(50).add_(3)
    torch.testing.assert_close(encoder.vectors(), before, atol=1e-3, rtol=1e-3)


def test_frequencies_are_kept_only_where_they_are_used():
    assert list(WordEmbedding(4).state_dict()) == ["embedding.weight"]
    assert "frequencies" in WordEmbedding(4, normalize=True).state_dict()
