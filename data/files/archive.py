"""The archive in which PyTorch keeps tensors: whether every record is as it was written."""

import os
import zipfile
from pathlib import Path

# The last record of a ZIP archive without a comment, as PyTorch writes it.
_END, _END_BYTES = b"PK\5\6", 22


class DamagedError(ValueError):
    """An archive that is not as it was written, or none at all."""


def check_archive(path: Path | str) -> None:
    """See that a file of `torch.save` is whole: nothing cut off, nothing added, no bit changed.

    Each record of a ZIP archive carries its CRC-32, which PyTorch writes and does not look at when
    it reads. Files from before this check have it too. (1.5 GB are read in a second or two.)

    Raises:
        DamagedError: no such archive, or a damaged one.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\3\4":
                raise DamagedError("no file of PyTorch's present format")
            file.seek(max(file.seek(0, os.SEEK_END) - _END_BYTES, 0))
            if file.read(4) != _END:
                raise DamagedError("cut off, or something was added at its end")
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            for one in records:
                # Packed, a small file could fill the memory.
                if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
                    raise DamagedError(f"its record {one.filename!r} is packed or damaged")
            if len({one.filename for one in records}) != len(records):
                raise DamagedError("a record of it is there twice")
            if min((one.header_offset for one in records), default=0) != 0:
                raise DamagedError("something was added at its beginning")
            damaged = archive.testzip()
    except OSError as error:
        raise DamagedError(error.strerror or "it cannot be read") from error
    except DamagedError:
        raise
    except Exception as error:  # a damaged directory surfaces as many types
        raise DamagedError("its directory is damaged") from error
    if damaged is not None:
        raise DamagedError(f"its record {damaged!r} is not as it was written")
