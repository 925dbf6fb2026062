import torch

from data.examples.memory_tasks import adding, recall, recall_features


def test_the_symbol_comes_first_and_the_question_last():
    made = recall(3, num_sequences=50, num_symbols=4, generator=torch.Generator().manual_seed(0))
    assert made.lengths.tolist() == [5] * 50
    grid = made.features.view(50, 5, recall_features(4))
    symbol, mark, question = grid.split([4, 1, 1], dim=2)
    assert torch.equal(symbol[:, 0].argmax(1), made.targets)
    assert set(made.targets.tolist()) == {0, 1, 2, 3}
    assert (mark[:, :, 0] == torch.tensor([1.0, 0, 0, 0, 0])).all()
    assert (question[:, :, 0] == torch.tensor([0.0, 0, 0, 0, 1])).all()
    # A symbol of the same kind is there at each step between, and says nothing of the first.
    assert (symbol.sum(2) == torch.tensor([1.0, 1, 1, 1, 0])).all()
    agree = (symbol[:, 1:4].argmax(2) == made.targets[:, None]).float().mean()
    assert abs(agree - 0.25) < 0.1


def test_two_numbers_are_marked_one_in_each_half():
    made = adding(9, num_sequences=400, generator=torch.Generator().manual_seed(0))
    numbers, marks = made.features.view(400, 9, 2).unbind(2)
    assert (marks[:, :4].sum(1) == 1).all()
    assert (marks[:, 4:].sum(1) == 1).all()
    torch.testing.assert_close((numbers * marks).sum(1), made.targets)
    assert abs((made.targets - 1).square().mean() - 1 / 6) < 0.03
