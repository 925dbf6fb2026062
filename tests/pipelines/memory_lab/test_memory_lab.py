"""RNN, GRU and LSTM side by side."""

import json
from functools import partial

import pytest
import torch

from data.examples.memory_tasks import recall, recall_features
from pipelines.memory_lab import command as memory_lab
from pipelines.memory_lab.memory_experiments import (
    KINDS,
    Reader,
    accuracy,
    endless,
    gradients_back_in_time,
    loss_of,
    same_size,
    train,
)
from tests.browser import BROWSER, assert_is_shown


def symbols(delay, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return recall(delay, num_sequences=count, num_symbols=4, generator=generator)


def reader(kind, **options):
    torch.manual_seed(0)
    return Reader(kind, recall_features(4), hidden_size=6, num_answers=4, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_at_a_state_is_that_of_reading_on_from_it(kind):
    made, batch = reader(kind), symbols(3, 2)
    found = gradients_back_in_time(made, batch)
    assert all(len(norms) == 5 for norms in found.values())
    # The fused kernel reads two steps, and on from there.
    early, late = (part.reshape(-1, 6) for part in batch.features.view(2, 5, 6).split([2, 3], 1))
    _, state = made.recurrence(early, torch.tensor([2, 2]), carry=True)
    state = [part.detach().requires_grad_() for part in state]
    outputs, _ = made.recurrence(late, torch.tensor([3, 3]), state)
    loss_of(made.head(outputs.view(2, 3, -1)[:, -1]), batch.targets).backward()
    expected = [part.grad for part in state]
    if kind == "LSTM":
        # A cell also goes on by what it shows, h = o tanh(c).
        h, c = (part.detach() for part in state)
        expected[1] = expected[1] + expected[0] * h / c.tanh() * (1 - c.tanh().square())
    for name, gradient in zip(found, expected, strict=True):
        assert found[name][1] == pytest.approx(gradient.norm().item(), rel=1e-4)


def test_networks_of_one_size_have_as_many_parameters():
    sizes = {kind: same_size(kind, 17, like=64) for kind in KINDS}
    assert sizes["LSTM"] == 64
    counts = []
    for kind, size in sizes.items():
        recurrence = KINDS[kind][0](17, hidden_size=size)
        counts.append(sum(parameter.numel() for parameter in recurrence.parameters()))
    assert max(counts) < 1.02 * min(counts)


@pytest.mark.slow
def test_an_lstm_remembers_where_an_rnn_guesses():
    shares = {}
    for kind, options in (("RNN", {}), ("LSTM", {"memory_steps": 102})):
        torch.manual_seed(0)
        made = Reader(
            kind,
            recall_features(8),
            hidden_size=same_size(kind, recall_features(8), like=32),
            num_answers=8,
            **options,
        )
        generator = torch.Generator().manual_seed(0)
        make = partial(recall, 100, num_symbols=8, generator=generator)
        optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
        batches = endless(partial(make, num_sequences=32))
        train(made, batches, num_steps=600, optimizer=optimizer, clip_norm=1.0)
        shares[kind] = accuracy(made, make(num_sequences=500))
    assert shares["LSTM"] > 0.9
    assert shares["RNN"] < 0.25  # chance is 0.125


def test_the_gradient_vanishes_in_an_rnn_and_not_along_an_open_cell():
    batch = symbols(100, 4)
    plain = gradients_back_in_time(reader("RNN"), batch)["h"]
    cell = gradients_back_in_time(reader("LSTM", memory_steps=102), batch)["c"]
    assert plain[0] < 1e-6 * plain[-1]
    assert cell[0] > 1e-2 * cell[-1]


def test_the_command_leaves_figures_and_a_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory_lab, "available_cores", lambda: 1)  # one process to start
    short = ["--delays=[4,2]", "--num_steps=2", "--adding_num_steps=3", "--hidden_size=4"]
    memory_lab.main([*short, "--run=one"])
    found = json.loads((tmp_path / "runs/memory-lab/one/memory.json").read_text())
    assert found["recall"]["delays"] == [2, 4]
    assert set(found["recall"]["accuracy"]) == set(found["sizes"]) == set(memory_lab.NETWORKS)
    assert len(found["gradients"]["curves"]["LSTM"]["c"]) == 6
    page = (tmp_path / "runs/memory-lab/one/memory.html").read_text()
    assert page.count("<img") == 4
    if BROWSER is not None:
        assert_is_shown(tmp_path / "runs/memory-lab/one/memory.html", tmp_path, width_px=400)
    back = found["clipping"]["back_in_time"]
    first = found["clipping"]["runs"]["without"]["gradient_norms"][0]
    scale = min(found["clipping"]["clip_norm"] / first, 1)
    assert back["with"] == pytest.approx([scale * norm for norm in back["without"]])
    assert "http" not in page.replace("http-equiv", "")
    assert "LSTM, open" in capsys.readouterr().out
    for wrong, says in (("--delays=[0]", "at least 1 step"), ("--num_steps=0", "at least 1")):
        with pytest.raises(SystemExit) as left:
            memory_lab.main([*short, wrong])
        assert left.value.code == 2
        assert says in capsys.readouterr().err
