"""Description of a run in its output folder: what its files answer, with which model and options.

Files of different models, inputs or options in one folder would be a wrong result without a word.
"""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from data.files.atomic_write import written_once
from data.files.errors import InputError
from pipelines.runtime.escaping import excerpt
from pipelines.runtime.strict_json import json_text

#: file in the output folder
RECORD = "_run.json"
#: Raise it when the same model, input and options give other files than before.
VERSION = 1
_NAMED = {
    "checkpoint": "CKPT (its content)",
    "input": "INPUT (its content)",
    "num_items": "INPUT (its number of items)",
    "version": "the version of these files",
}


def file_digest(path: Path | str) -> str:
    """Digest of a file's content."""
    digest = blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def digest_of(record: dict[str, Any]) -> str:
    """Digest of a description, by which files say which run they are of."""
    return blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=16).hexdigest()


def known_record(output: Path) -> dict[str, Any] | None:
    """The description in a folder; None: no run has begun there.

    Raises:
        InputError: it is damaged, or there are files of answers without one.
    """
    path = output / RECORD
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        if output.is_dir() and next(output.glob("part-*.parquet"), None) is not None:
            raise InputError(
                f"OUTPUT={output}: holds files of answers and no {RECORD} that describes them; name"
                " another folder"
            ) from None
        return None
    except NotADirectoryError:
        raise InputError(f"OUTPUT={output}: a file, not a folder; name a folder") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path}: is damaged; name another OUTPUT, or delete the folder")
    return found


def begin(output: Path, record: dict[str, Any]) -> str:
    """Write the description, or see that the one that is there is the same; return its digest.

    Of processes that begin at once the first one's counts, and the others compare.

    Raises:
        InputError: another description is there; the error names the first difference.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"OUTPUT={output}: a file, not a folder; name a folder")
    found = known_record(output)
    if found is None:
        with written_once(output / RECORD) as place:
            place.write_text(json_text(record))
        found = known_record(output)
        assert found is not None
    for name in dict.fromkeys([*found, *record]):
        before, now = found.get(name), record.get(name)
        if before != now:
            raise InputError(
                f"OUTPUT={output}: was begun with {_named(name, before)}, and now it is"
                f" {_value(now)}; give the same, or name another OUTPUT"
            )
    return digest_of(record)


def _named(name: str, value: Any) -> str:
    return f"{_NAMED.get(name, f'--{name}')} {_value(value)}"


def _value(value: Any) -> str:
    return "not given" if value is None else excerpt(str(value), most=60)
