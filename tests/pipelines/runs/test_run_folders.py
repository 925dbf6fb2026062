import pytest

from data.files.errors import InputError
from pipelines.runs.run_folders import create_run, name_run


def test_runs_of_one_second_have_names_of_their_own(in_folder):
    names = []
    for _ in range(3):
        names.append(name_run("video", None))
        create_run("video", names[-1], is_training=True)
    assert len(set(names)) == 3
    assert (in_folder / "runs/video/latest").resolve().name == names[-1]


def test_runs_that_have_no_folder_yet_have_names_of_their_own(in_folder):
    """Data are read, for minutes perhaps, before a folder is made."""
    assert len({name_run("video", None) for _ in range(3)}) == 3
    assert not (in_folder / "runs").exists()


def test_a_name_is_never_used_twice(in_folder):
    create_run("video", name_run("video", "mine"), is_training=False)
    assert not (in_folder / "runs/video/latest").exists()
    with pytest.raises(InputError, match="exists already"):
        name_run("video", "mine")
    assert name_run("sentiment", "mine") == "mine"


def test_further_processes_take_the_name_of_the_first(in_folder, monkeypatch):
    name = name_run("video", None)
    create_run("video", name, is_training=True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert name_run("video", None) == name
