import pytest

from data.files.atomic_write import written_whole


def test_a_file_appears_whole_and_replaces_what_was_there(tmp_path):
    file = tmp_path / "new" / "one.txt"
    for content in ("first", "second"):
        with written_whole(file) as place:
            place.write_text(content)
            assert place.suffix == ".txt"
            assert not file.exists() or file.read_text() == "first"
        assert file.read_text() == content
    assert list(file.parent.iterdir()) == [file]


def test_where_writing_fails_nothing_changes(tmp_path):
    file = tmp_path / "one.txt"
    file.write_text("before")

    def fail():
        with written_whole(file) as place:
            place.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [one.name for one in tmp_path.iterdir()] == ["one.txt"]
    assert file.read_text() == "before"
