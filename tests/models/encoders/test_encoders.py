import torch
from torch import nn

from models.encoders.words import Encoder
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
