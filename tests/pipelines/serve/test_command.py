"""The command: what it refuses in one line, and a server as a process of its own."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from pipelines.runtime import extras
from pipelines.serve import command
from tests import ROOT
from tests.pipelines.saved_models import language_model, write_saved


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "CKPT is missing"),
        (["--ckpt=absent.ckpt"], "absent.ckpt: "),
        (["--ckpt=a", "--port=x"], "--port=x: give a whole number"),
        (["--ckpt=a", "--port=70000"], "PORT=70000: from 0"),
        (["--ckpt=a", "--queue=0"], "--queue=0: a number above 0"),
        (["--ckpt=a", "--limit_seconds=-1"], "--limit_seconds=-1.0: a number above 0"),
        (["--ckpt=a", "--device=nonsense"], "--device=nonsense: there is none"),
        (["--ckpt=a", "--device=cuda:99"], "--device=cuda:99: there is none"),
        (["--ckpt=a", "--host=0.0.0.0"], "--host=0.0.0.0: others could ask; add --token"),
        (["--ckpt=a", "--host=::"], "add --token"),
        (["--ckpt=a", "--token=short"], "--token: at least 16"),
        (["--ckpt=a", "--token=0123456789 abcdef"], "without spaces"),
        (["--ckpt=a", "--tokn=x"], "--tokn: no such option; did you mean --token?"),
    ],
)
def test_mistakes_are_one_line(options, says, capsys, in_folder, monkeypatch):
    monkeypatch.delenv(command.TOKEN_VARIABLE, raising=False)
    with pytest.raises(SystemExit) as left:
        command.main(options)
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line


def test_a_language_model_is_refused(tmp_path, capsys):
    write_saved(tmp_path / "a.ckpt", "language", model=language_model())
    with pytest.raises(SystemExit) as left:
        command.main([f"--ckpt={tmp_path / 'a.ckpt'}"])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is a model for language, which the page does not show" in line


def test_a_port_that_is_taken_is_one_line(checkpoints, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as left:
            command.main([f"--ckpt={checkpoints / 'sentiment.ckpt'}", f"--port={port}"])
    assert left.value.code == 2
    assert f"PORT={port}: cannot listen on 127.0.0.1" in capsys.readouterr().err


def test_a_missing_library_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "uvicorn" else name)
    with pytest.raises(SystemExit):
        command.main(["--ckpt=a"])
    assert "uvicorn: not installed; pip install '.[serve]' installs" in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_of_its_own(checkpoints):
    """It answers, logs no text, and ends by Ctrl-C with the exit code of the signal."""
    options = [f"--ckpt={checkpoints / 'sentiment.ckpt'}", "--port=0"]
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.serve", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said = process.stdout.readline()
            port = int(re.match(r"http://127\.0\.0\.1:(\d+)/ answers for ", said)[1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            body = json.dumps({"text": "a fine secret film"})
            connection.request("POST", "/answer", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            assert (reply.status, json.loads(reply.read())["steps"]) == (200, 4)
            connection.close()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 130
            assert out == ""
            assert err == "error: interrupted by SIGINT\n"
        finally:
            process.kill()
