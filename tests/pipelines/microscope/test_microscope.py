"""Units are found, measured on steps they were not chosen on, and shown."""

import json
import os
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch

from data.tokens.vocabulary import learn_tokenizer
from models.encoders.ngrams import NgramEmbedding
from models.recurrence.recurrences import GRU, LSTM
from models.sequence.many_to_one import ManyToOne
from pipelines.cli.training import train
from pipelines.microscope import command as microscope
from pipelines.microscope.command import look, observe
from pipelines.microscope.page import conclusion, microscope_page
from pipelines.microscope.specimen import Specimen, _inputs_of, cut_text
from pipelines.microscope.tracks import Track
from pipelines.microscope.unit_pictures import Scale, Stretch, coloured_text, levels_of
from pipelines.pages.page import fragment
from tests import ROOT

CODE = 'int f(int a)\n{\n\tif (a) { puts("a <b>"); } /* "no" */\n}\n'


@pytest.fixture(scope="module")
def code_run(tmp_path_factory):
    """A folder with ``code.c`` and ``runs/language/first``, a small model of its characters."""
    place = tmp_path_factory.mktemp("code")
    (place / "code.c").write_text(CODE * 40)
    before = Path.cwd()
    os.chdir(place)
    try:
        train("language", [
            f"--config={ROOT / 'pipelines/recipes/language-characters.yaml'}", "--data.path=code.c",
            "--run=first", "--model.encoder.features=8", "--model.recurrence.hidden_size=8",
            "--data.num_streams=4", "--data.bptt_steps=20", "--trainer.max_epochs=1",
            "--trainer.enable_progress_bar=false",
        ])  # fmt: skip
    finally:
        os.chdir(before)
    return place


def checkpoint_of(place, task):
    return place / f"runs/{task}/first/checkpoints/best.ckpt"


def opened(folder):
    """The page, which needs nothing from elsewhere, and the figures."""
    page = (folder / "microscope.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"(?:src|href)=(?!\"data:)", page)
    assert len(page) < 2_000_000
    return page, json.loads((folder / "microscope.json").read_text())


# Reading.


def test_pieces_of_a_text_are_encoded_as_the_whole(monkeypatch):
    monkeypatch.setattr("pipelines.microscope.specimen.STEPS_AT_ONCE", 4)
    encoder = NgramEmbedding(9, ngrams=3, features=4, num_ngrams=20)
    tokens, lengths = torch.arange(10) % 9, torch.tensor([10])
    encoder.know(torch.cat(list(encoder.codes_of(encoder.windows(tokens, lengths))))[-10:])
    torch.nn.init.normal_(encoder.ngrams.weight)
    reader = ManyToOne(encoder, GRU(4), num_classes=2).eval()
    pieces = list(_inputs_of(reader, tokens)())
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    torch.testing.assert_close(torch.cat(pieces), encoder.encode_ragged(tokens, lengths))


def specimen(recurrence, inputs, piece=9, tracks=()):
    return Specimen(
        source="noise",
        recurrence=recurrence.eval(),
        inputs=lambda: iter(inputs.split(piece)),
        num_steps=len(inputs),
        step="frame",
        is_whole=True,
        tracks=list(tracks),
        pixels=np.zeros((len(inputs), 3, 4, 4), np.uint8),
    )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_is_observed_is_what_the_recurrence_does(bidirectional):
    torch.manual_seed(0)
    made = LSTM(3, hidden_size=4, num_layers=2, bidirectional=bidirectional).eval()
    inputs = torch.randn(40, 3)
    seen = observe(specimen(made, inputs), slice(7, 25))
    outputs, _ = made(inputs, torch.tensor([40]))
    last = [one for one in seen.states if one.layer == 2 and one.state == "h"]
    assert [one.is_backward for one in last] == ([False, True] if bidirectional else [False])
    found = np.concatenate([one.values for one in last], axis=1)
    np.testing.assert_allclose(found, outputs.detach().numpy(), atol=1e-5)
    assert len(seen.states) == 4 * (1 + bidirectional)
    assert len(seen.window) == 2 * (1 + bidirectional)
    assert list(seen.window[0]) == ["i", "f", "g", "o", "c", "h"]
    np.testing.assert_array_equal(seen.window[0]["c"], seen.states[0].values[7:25])


def test_a_gru_has_no_cell_state():
    made = GRU(3, hidden_size=4)
    inputs = torch.randn(40, 3)
    track = Track("the motion", inputs[:, 0].numpy().astype(np.float64))
    seen = look(
        specimen(made, inputs, tracks=[track]), window=slice(0, 600), top=2, units=["1.h.2"]
    )
    assert {one.state for one in seen.states} == {"h"}
    assert [unit.name for unit in seen.shown] == ["1.h.2"]
    assert seen.window == slice(0, 40)
    assert len(seen.findings) == 2
    assert "reset gate" not in microscope_page(seen, checkpoint="a<b>.ckpt")  # letters are drawn
    assert "a&lt;b&gt;.ckpt" in microscope_page(seen, checkpoint="a<b>.ckpt")


def test_without_a_track_the_liveliest_units_are_shown():
    made = LSTM(3, hidden_size=4)
    seen = look(specimen(made, torch.randn(40, 3)), window=slice(0, 9), top=1, units=[])
    assert len(seen.shown) == 3
    assert conclusion(seen).startswith("Nothing that units could be held to")
    assert microscope_page(seen, checkpoint="x").count("<img") == 2


def test_the_page_says_where_a_unit_does_not_keep_what_it_showed():
    torch.manual_seed(0)
    inputs = torch.randn(400, 3)
    made = LSTM(3, hidden_size=4).eval()
    h = made(inputs, torch.tensor([400]))[0][:, 2].detach().numpy()
    for fades, says in ((False, "Unit 2 of layer 1 (hidden state) rises inside quotes: AUC 1.000"),
                        (True, "but not on the other (0.000): it follows something else")):  # fmt: skip
        holds = h > np.median(h)
        holds[200:] ^= fades
        told = specimen(made, inputs, tracks=[Track("inside quotes", holds)])
        assert says in conclusion(look(told, window=slice(0, 9), top=1, units=[]))


@pytest.mark.parametrize("kind", ["characters", "words", "subwords"])
def test_steps_know_where_they_stand(kind):
    text = 'Tom said "no" – ☃ 👍🏽.\n\tEND of it, don\'t!\n' * 3
    tokenizer = learn_tokenizer([text], kind=kind, vocabulary_size=400, min_frequency=1)
    cut = cut_text(tokenizer, text, most=10_000)
    assert cut.is_whole
    assert cut.tokens.tolist() == tokenizer.encode(text).ids
    assert (cut.starts < cut.ends).all()
    assert (np.diff(cut.ends) >= 0).all()
    covered = {k for a, b in zip(cut.starts, cut.ends, strict=True) for k in range(a, b)}
    assert {k for k, sign in enumerate(text) if not sign.isspace()} <= covered
    first = cut_text(tokenizer, text, most=7)
    assert not first.is_whole
    assert first.tokens.tolist() == cut.tokens[:7].tolist()
    assert text.startswith(first.text)
    assert len(first.text) == first.ends[-1]


# Pictures.


def test_a_coloured_text_is_the_text_itself():
    text = '\n<a> & "b"\n\tc\n'
    ends = np.arange(1, len(text) + 1)
    values = np.linspace(-1, 1, len(text))
    holds = ends > 9
    runs = coloured_text(Stretch(text, ends - 1, ends), values, scale=Scale(-1, 0, 1), holds=holds)
    body = fragment("coloured_text.html", "coloured_text", runs).strip("\n")
    body = body.removeprefix('<pre class="read">\n').removesuffix("</pre>")
    assert unescape(re.sub(r"</?(?:span|u)\b[^>]*>", "", body)) == text
    flat = coloured_text(
        Stretch(text, ends - 1, ends), np.ones(len(text)), scale=Scale(-1, 0, 1), holds=None
    )
    assert len(flat) == 1


def test_colours_reach_from_low_to_high():
    values = np.array([-9, -1, 0, 0.1, 1, 2, 4, 9])
    assert levels_of(values, Scale(-1, 0, 4)).tolist() == [-6, -6, 0, 0, 2, 3, 6, 6]


# The command.


def test_a_model_of_characters(code_run, monkeypatch, capsys):
    monkeypatch.chdir(code_run)
    options = [f"--ckpt={checkpoint_of(code_run, 'language')}", "--input=code.c"]
    microscope.main([*options, "--run=one", "--top=2"])
    told = capsys.readouterr().out
    assert "inside a comment" in told
    assert told.endswith("Page: runs/microscope/one/microscope.html\n")
    page, found = opened(code_run / "runs/microscope/one")
    assert (found["step"], found["syntax"], found["is_whole"]) == ("character", "c", True)
    assert found["num_steps"] == len(CODE * 40)
    assert found["num_units"] == 16
    assert found["window"] == [0, 600]
    tracks = [one["track"] for one in found["findings"]]
    assert sorted(set(tracks)) == [
        "inside a comment", "inside a condition", "inside parentheses", "inside quotes",
        "the depth of braces", "the indentation", "the position in the line",
    ]  # fmt: skip
    assert all(tracks.count(name) == 2 for name in tracks)
    for one in found["findings"]:
        assert one["unit"] == f"{one['layer']}.{one['state']}.{one['index']}"
        assert 0 <= one["first_half"] <= 1
        # The text repeats itself, and so do the units.
        assert one["second_half"] == pytest.approx(one["first_half"], abs=0.05)
    assert found["findings"][0]["unit"] == found["shown"][0]
    assert "Underlined: inside" in page
    assert page.count('<pre class="read">') == len(found["shown"])
    assert "forget gate" in page


def test_a_window_units_and_a_limit_are_taken(code_run, monkeypatch, tmp_path):
    monkeypatch.chdir(code_run)
    options = [f"--ckpt={checkpoint_of(code_run, 'language')}", "--input=code.c"]
    own = ["--window=100:50", "--units=[1.h.3,1.c.3]", "--steps=900", f"--out={tmp_path / 'x'}"]
    microscope.main([*options, *own])
    page, found = opened(tmp_path / "x")
    assert found["shown"] == ["1.h.3", "1.c.3"]
    assert (found["num_steps"], found["is_whole"], found["window"]) == (900, False, [100, 150])
    assert "the first 900 characters" in page
    with pytest.raises(SystemExit):
        microscope.main([*options, *own])


def test_a_model_of_words(sentiment_run, in_folder, capsys):
    options = [f"--ckpt={checkpoint_of(sentiment_run, 'sentiment')}"]
    (in_folder / "long.txt").write_text("A fine film, not a dull one!\nNever awful.\n" * 20)
    microscope.main([*options, "--input=long.txt", "--run=long"])
    page, found = opened(in_folder / "runs/microscope/long")
    assert (found["step"], found["syntax"]) == ("token", "prose")
    assert "after a negation" in {one["track"] for one in found["findings"]}
    assert "inside quotes: never holds in what was read" in found["left_out"]
    assert "<th>film</th>" in page or "<th><u>film</u></th>" in page
    microscope.main([*options, "--text=A fine film, and so on", "--run=short"])
    assert "So few steps say little" in opened(in_folder / "runs/microscope/short")[0]
    assert "Left out: after a negation: never holds" in capsys.readouterr().out


def test_a_model_of_clips(video_run, in_folder):
    clip = video_run / "clips/dark/5.mp4"
    options = [f"--ckpt={checkpoint_of(video_run, 'video')}", f"--input={clip}"]
    microscope.main([*options, "--run=clip"])
    page, found = opened(in_folder / "runs/microscope/clip")
    assert (found["step"], found["num_steps"], found["syntax"]) == ("frame", 13, None)
    tracks = {one["track"] for one in found["findings"]}
    assert tracks == {"the motion", "the brightness", "the position in the clip"}
    assert page.count("<img") == 2
    microscope.main([*options, "--run=start", "--steps=8"])
    _, found = opened(in_folder / "runs/microscope/start")
    assert (found["num_steps"], found["is_whole"]) == (8, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--ckpt=none.ckpt"], "no such file"),
        ([], "neither was given"),
        (["--input=nowhere.txt"], "nowhere.txt: no such file"),
        (["--input=code.c", "--text=a"], "both were given"),
        (["--input=zero.txt"], "zero byte"),
        (["--text="], "holds nothing"),
        (["--text=ab"], "2 character(s); two halves need at least 4"),
        (["--input=code.c", "--window=9"], "start:length"),
        (["--input=code.c", "--window=99999:5"], "begins at step 99,999"),
        (["--input=code.c", "--units=[2.c.1]"], "there are 16, 1.c.0 to 1.h.7"),
        (["--input=code.c", "--top=0"], "--top=0"),
        (["--input=code.c", "--steps=2"], "--steps=2"),
        (["--input=code.c", "--syntax=lisp"], "--syntax=lisp"),
        (["--input=code.c", "--run=a/b"], "not a name for a run"),
        (["--input=code.c", "--out=code.c"], "never overwritten"),
    ],
)
def test_mistakes_are_one_line(code_run, in_folder, capsys, options, says):
    shutil.copy(code_run / "code.c", "code.c")
    Path("zero.txt").write_bytes(b"a\0b")
    with pytest.raises(SystemExit) as left:
        microscope.main([f"--ckpt={checkpoint_of(code_run, 'language')}", *options])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert says in told
    assert len([line for line in told.splitlines() if line.startswith("error: ")]) == 1
    assert not Path("runs/microscope").exists()


def test_mistakes_with_classifiers(sentiment_run, video_run, in_folder, capsys):
    words = f"--ckpt={checkpoint_of(sentiment_run, 'sentiment')}"
    clips = f"--ckpt={checkpoint_of(video_run, 'video')}"
    for options, says in (
        ([words, "--text=a fine film", "--member=99"], "--member=99: the model has"),
        ([clips, "--text=a"], "this model reads clips"),
        ([clips, "--input=none.mp4"], "no such file"),
        ([clips, f"--input={sentiment_run / 'reviews.csv'}"], "give a video file"),
        ([], "CKPT is missing"),
    ):
        with pytest.raises(SystemExit):
            microscope.main(options)
        assert says in capsys.readouterr().err
