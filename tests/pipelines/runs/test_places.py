"""A place that cannot be written to is named before any work."""

import pytest

from data.files.errors import InputError
from pipelines.runs.places import refuse_full_places


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of results, caches and temporary files."""
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for name in ("results", "cache", "temporary"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_what_can_be_written_to_is_left_as_it_was(places):
    refuse_full_places(places / "results")
    assert not [*places.glob("*/*")]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("results", "let another disk hold the folder runs"),
        ("cache", "set MANYTOONE_CACHE to another folder"),
        ("temporary", "set TMPDIR to another folder"),
    ],
)
def test_the_right_place_is_blamed(places, name, advice):
    (places / name).rmdir()
    (places / name).write_text("a file in its place")
    with pytest.raises(InputError, match=f"{name}: nothing can be written there .*{advice}"):
        refuse_full_places(places / "results")
