import errno

import pytest
import torch

from data.files.errors import InputError
from pipelines.processes import reasons
from pipelines.runtime import errors
from pipelines.runtime.errors import one_line_errors


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_place_that_cannot_be_written_to_is_one_line(capsys, number):
    with pytest.raises(SystemExit) as end, one_line_errors():
        raise OSError(number, "no way", "runs/video/one")
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: runs/video/one: no way; make room there")


def test_other_errors_of_the_system_keep_their_traceback():
    with pytest.raises(FileNotFoundError), one_line_errors():
        raise FileNotFoundError(errno.ENOENT, "a fault of ours", "x")


@pytest.fixture
def store(monkeypatch):
    """A store in place of the one through which the processes of a run have found each other."""
    store = torch.distributed.HashStore()
    monkeypatch.setattr(reasons, "_store", lambda: store)
    monkeypatch.setattr(errors, "GONE_SECONDS", -1)
    return store


def test_a_reason_is_said_by_one_process(store, capsys, monkeypatch):
    for rank in ("1", "0"):
        monkeypatch.setenv("LOCAL_RANK", rank)
        with pytest.raises(SystemExit) as end, one_line_errors():
            raise InputError("clips.csv: has gone")
        assert end.value.code == 2
    assert capsys.readouterr().err == "error: rank 1: clips.csv: has gone\n"


def test_what_follows_from_the_failure_of_another_process_is_not_told(store, capsys):
    with pytest.raises(SystemExit), one_line_errors():
        raise InputError("clips.csv: has gone")
    with pytest.raises(SystemExit) as end, one_line_errors():
        raise RuntimeError("Connection closed by peer")
    assert end.value.code == 2
    with pytest.raises(KeyError), one_line_errors():
        raise KeyError("not by communication")
    assert capsys.readouterr().err.count("\n") == 1


def test_an_error_of_one_process_has_its_traceback_and_the_others_code_1(store):
    with pytest.raises(RuntimeError, match="the device is gone"), one_line_errors():
        raise RuntimeError("the device is gone")
    with pytest.raises(SystemExit) as end, one_line_errors():
        raise RuntimeError("Connection closed by peer")
    assert end.value.code == 1
