"""Encodings: the same characters from tables, folders, running text; or one line that says where."""

import codecs
import os

import pytest

from data.files.encodings import decoder_of, encoding_of, open_text, read_text
from data.files.errors import InputError
from data.running_text.data_module import LanguageDataModule
from data.running_text.documents import read_documents
from data.tables.table_format import TableFormat
from data.text.data_module import TextDataModule
from data.text.sources import read_texts

TEXT = "Ein schöner Film – „großartig“\nund 영화 😀 too"
LATIN = "un café très agréable"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"", "utf-8-sig"),
        (b"a", "utf-8-sig"),
        ("영화".encode(), "utf-8-sig"),
        (codecs.BOM_UTF8 + b"a", "utf-8-sig"),
        ("a b".encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + "a".encode("utf-16-be"), "utf-16"),
        ("a b".encode("utf-32"), "utf-32"),
        ("a\n".encode("utf-16-le"), "utf-16-le"),
        ("a\n".encode("utf-16-be"), "utf-16-be"),
        ("a good film, 영화 one".encode("utf-16-le"), "utf-16-le"),
        ("a\n".encode("utf-16-le")[:-1], "utf-8-sig"),
        # Not certain: a zero byte may be one.
        (b"a nul \0 in it", "utf-8-sig"),
        ("영화".encode("utf-16-le"), "utf-8-sig"),
    ],
)
def test_the_beginning_tells_the_encoding(content, encoding):
    assert encoding_of(content) == encoding
    is_marked = content.startswith((b"\xef\xbb", b"\xff\xfe", b"\xfe\xff"))
    assert encoding_of(content, "cp1252") == (encoding if is_marked else "cp1252")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_and_a_stream_are_read_alike(tmp_path, mark, encoding, end):
    lines = ["first film", *TEXT.split("\n"), ""]
    content = (mark + end.join(lines)).encode(encoding)
    (tmp_path / "a.txt").write_bytes(content)
    assert read_text(tmp_path / "a.txt") == "\n".join(lines)
    decoder = decoder_of(content)
    pieces = [decoder.decode(content[k : k + 1]) for k in range(len(content))]
    assert "".join(pieces) + decoder.decode(b"", final=True) == "\n".join(lines)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp949", "gb18030", "shift_jis"])
def test_an_encoding_may_be_named(tmp_path, encoding):
    text = {"cp949": "재미있는 영화", "gb18030": "很好看", "shift_jis": "面白い"}.get(
        encoding, LATIN
    )
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert read_text(tmp_path / "a.txt", encoding=encoding) == text
    with pytest.raises(InputError, match=r"a\.txt, line 1: byte 0x.. is not UTF-8"):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "", "utf 8\0"])
def test_an_encoding_that_does_not_exist_is_one_line(name):
    with pytest.raises(InputError, match=r"--data\.encoding=.*no encoding that is known"):
        TextDataModule(encoding=name)


def test_a_mark_is_certain_and_what_may_be_utf8_is_said(tmp_path, caplog):
    (tmp_path / "a.txt").write_text(LATIN, encoding="utf-8-sig")
    assert read_text(tmp_path / "a.txt", encoding="cp1252") == LATIN
    assert caplog.text == ""
    (tmp_path / "b.txt").write_text(LATIN, encoding="utf-8")
    assert read_text(tmp_path / "b.txt", encoding="cp1252") != LATIN
    assert "may well be UTF-8 are read as cp1252, as asked" in caplog.text


def test_the_line_and_the_byte_are_told_in_every_encoding(tmp_path):
    for content, named, says in (
        (b"a\rb\r\nc\x80d", None, "line 3: byte 0x80 is not UTF-8"),
        (b"a\nb\x81", "cp1252", "line 2: byte 0x81 is not cp1252: save it as UTF-8"),
        ("a\nb".encode("utf-16") + b"\x00\xd8", None, "line 2: byte 0x00 is not UTF-16"),
        ("a\n".encode("utf-16") + b"b", None, "line 2: byte 0x62 is not UTF-16"),
    ):
        (tmp_path / "a.txt").write_bytes(content)
        with pytest.raises(InputError, match=says):
            read_text(tmp_path / "a.txt", encoding=named)


@pytest.mark.parametrize(
    "content", [b"\0", b"a\0b", "영화 하나 둘".encode("utf-16-le"), b"P\0\0\0\1"]
)
def test_what_is_full_of_zero_bytes_is_no_text(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"zero byte|is not UTF-8"):
        read_text(tmp_path / "a.txt")


def class_folder(folder, encoding, bad=()):
    for k in range(24):
        file = folder / ["good", "bad"][k % 2] / f"{k}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"{LATIN} {k}\rend".encode("cp1252" if k in bad else encoding))
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_folders_of_texts_are_read_in_each_encoding(tmp_path, encoding):
    data = TextDataModule(path=str(class_folder(tmp_path / "texts", encoding)))
    texts = {text for part in data.parts.values() for text in part.sources()}
    assert texts == {f"{LATIN} {k}\nend" for k in range(24)}
    assert "café" in data.tokenizer.get_vocab()


def test_a_file_of_another_encoding_is_skipped_and_listed_or_fails(tmp_path):
    folder = class_folder(tmp_path / "texts", "utf-8", bad=[3])
    data = TextDataModule(path=str(folder))
    assert sum(map(len, data.parts.values())) == 23
    (skip,) = data.skipped
    assert "bad/3.txt, line 1: byte 0xe9 is not UTF-8" in skip.reason
    assert "--data.encoding=cp1252" in skip.reason
    with pytest.raises(InputError, match=r"3\.txt, line 1: byte 0xe9"):
        _ = TextDataModule(path=str(folder), on_error="fail").parts
    everything = class_folder(tmp_path / "windows", "cp1252")
    with pytest.raises(InputError, match=r"no row can be used, e\.g\. .*byte 0xe9"):
        _ = TextDataModule(path=str(everything)).parts
    data = TextDataModule(path=str(everything), encoding="cp1252")
    assert sum(map(len, data.parts.values())) == 24
    assert "café" in data.tokenizer.get_vocab()
    texts = read_texts(
        str(everything), text_column="text", cache=tmp_path, format=TableFormat(encoding="cp1252")
    )
    assert texts[0]["text"].startswith(LATIN)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_tables_are_read_in_each_encoding(tmp_path, suffix):
    import json

    rows = [{"text": f"{LATIN} {k}", "label": "ab"[k % 2]} for k in range(24)]
    content = "\n".join(["text,label", *(f"{row['text']},{row['label']}" for row in rows)])
    if suffix == ".jsonl":
        content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    elif suffix == ".json":
        content = json.dumps(rows, ensure_ascii=False, indent=1)
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        path = tmp_path / f"{encoding}{suffix}"
        path.write_bytes(content.encode(encoding))
        named = encoding if encoding == "cp1252" else None
        data = TextDataModule(path=str(path), encoding=named)
        texts = {text for part in data.parts.values() for text in part.sources()}
        assert texts == {row["text"] for row in rows}
    with pytest.raises(InputError, match=r"line [0-9]+: byte 0xe9 is not UTF-8"):
        _ = TextDataModule(path=str(path)).parts


def test_the_line_of_a_bad_byte_within_a_text_of_several(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'text,label\n"one\ntwo caf\xe9",pos\nx,neg\n')
    with pytest.raises(InputError, match=r"a\.csv, line 3: byte 0xe9"):
        _ = TextDataModule(path=str(tmp_path / "a.csv")).parts


def test_running_text_is_read_strictly(tmp_path):
    def read(name, **options):
        return read_documents(
            tmp_path / name,
            text_column="text",
            cache=tmp_path / "cache",
            format=TableFormat(**options),
        ).texts

    (tmp_path / "a.txt").write_bytes((LATIN + "\rend").encode("utf-16-le"))
    assert read("a.txt") == [LATIN + "\nend"]
    (tmp_path / "b.txt").write_bytes((LATIN + "\rend").encode("cp1252"))
    with pytest.raises(InputError, match=r"b\.txt, line 1: byte 0xe9"):
        read("b.txt")
    assert read("b.txt", encoding="cp1252") == [LATIN + "\nend"]
    folder = class_folder(tmp_path / "texts", "utf-16")
    assert len(read("texts")) == 24
    class_folder(folder, "utf-8", bad=[5])
    with pytest.raises(InputError, match=r"5\.txt, line 1: byte 0xe9"):
        read("texts")
    (tmp_path / "c.txt").write_bytes((f"{LATIN} " * 400).encode("cp1252"))
    data = LanguageDataModule(path=str(tmp_path / "c.txt"), encoding="cp1252", num_streams=2)
    assert "café" in {token for _ in data.parts for token in data.tokenizer.get_vocab()}


def test_a_file_that_may_not_be_read_is_one_line(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_text(tmp_path / "a.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_text(tmp_path / "missing.txt")
    # Nothing stays open.
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    (tmp_path / "b.txt").write_bytes(b"a")
    with open_text(tmp_path / "b.txt") as file:
        assert file.read() == "a"
    assert not before or len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("texts", ["ตลก", "面白い", "zzz"])
def test_most_words_unknown_is_said_with_what_to_take(tmp_path, caplog, texts):
    # No word occurs twice.
    words = [f"{k:06b}".translate({48: "a", 49: "b"}) for k in range(60)]
    lines = [f"{words[k]} {words[k + 30]},{'pn'[k % 2]}" for k in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *lines]))
    data = TextDataModule(path=str(tmp_path / "a.csv"))
    _ = data.parts
    assert "--data.tokenizer=subwords or characters" in caplog.text
    assert "% of the part 'train'" in caplog.text
    caplog.clear()
    lines = [f"{texts} film number {k},{'pn'[k % 2]}" for k in range(30)]
    (tmp_path / "b.csv").write_text("\n".join(["text,label", *lines]))
    known = TextDataModule(path=str(tmp_path / "b.csv"))
    _ = known.parts
    assert caplog.text == ""
    other = TextDataModule(path=str(tmp_path / "a.csv"))
    other.adopt(known.describe())
    other.reported_part = "all"
    _ = other.parts
    assert "its answers to these texts are doubtful" in caplog.text
