"""Features of clips that were computed once, kept in files and read as a part of a data set.

N steps in a batch · T of a clip · D features
"""

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, Features, List, Value
from datasets.arrow_writer import ArrowWriter

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, collate
from data.files.errors import InputError

log = logging.getLogger(__name__)

Precision = Literal["float16", "float32"]


class _Row(NamedTuple):
    """Place of a clip's features in a memory-mapped, flat column."""

    column: np.ndarray
    start: int
    end: int
    length: int


class FeatureStore:
    """Features of clips by key, in memory-mapped Arrow files that are never changed.

    Features of whole frames are float32: reading them takes a thousandth of the time of computing
    them, so that half the bytes would only add a rounding error. Those of the places of frames are 49
    times as many, and float16.

    Each `add` writes one further file atomically. Several processes may add at once. A damaged file
    is warned about, and its features count as missing.

    Args:
        folder: folder of the files; created by the first `add`.
        precision: type of the numbers in the files.
    """

    def __init__(self, folder: Path, *, precision: Precision = "float32") -> None:
        self.folder, self.precision = folder, precision
        self.dtype = np.dtype(precision)
        self._rows: dict[str, _Row] = {}
        self._opened: set[str] = set()
        self.refresh()

    def __reduce__(self) -> Any:
        # Another process maps the files itself, so their content need not be sent.
        return partial(FeatureStore, precision=self.precision), (self.folder,)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def refresh(self) -> None:
        """Map the files that other processes have added."""
        for path in sorted(self.folder.glob("*.arrow")):
            if path.name not in self._opened:
                self._opened.add(path.name)
                self._open(path)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """List the keys without features, each once, in their order."""
        return [key for key in dict.fromkeys(keys) if key not in self._rows]

    def length(self, key: str) -> int:
        """Length T of a clip. An unknown key is a KeyError."""
        return self._rows[key].length

    def get(self, key: str) -> np.ndarray:
        """Read-only features (T, D) of a clip, or (T, P · D). An unknown key is a KeyError."""
        row = self._rows[key]
        return row.column[row.start : row.end].reshape(row.length, -1)

    def add(self, keys: Sequence[str], features: Sequence[np.ndarray]) -> None:
        """Write the features (T, D) or (T, P, D) of some clips; T, P and D are at least 1.

        Raises:
            InputError: the folder cannot be written to.
        """
        if not keys:
            return
        flat = [np.ascontiguousarray(one, self.dtype).reshape(-1) for one in features]
        # Offsets of 64 bits do not limit the size of a file.
        offsets = np.cumsum([0] + [len(one) for one in flat], dtype=np.int64)
        table = pa.table(
            {
                "key": pa.array(list(keys)),
                "length": pa.array([len(one) for one in features], pa.int64()),
                "features": pa.LargeListArray.from_arrays(offsets, np.concatenate(flat)).cast(
                    pa.list_(pa.from_numpy_dtype(self.dtype))
                ),
            }
        )
        name = uuid4().hex
        unfinished = self.folder / f"{name}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                writer = ArrowWriter(features=self._columns(), stream=file)
                writer.write_table(table)
                writer.finalize(close_stream=False)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self.folder / f"{name}.arrow")
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise InputError(
                f"{self.folder}: features cannot be kept there ({error.strerror or error}); make"
                " room, or set MANYTOONE_CACHE to another folder"
            ) from error
        self.refresh()

    def _columns(self) -> Features:
        numbers = List(Value(self.precision))
        return Features({"key": Value("string"), "length": Value("int64"), "features": numbers})

    def _open(self, path: Path) -> None:
        found: dict[str, _Row] = {}
        try:
            table = Dataset.from_file(str(path)).data.table
            table.validate(full=True)
            for batch in table.to_batches():
                features = batch["features"]
                column = features.values.to_numpy(zero_copy_only=True)
                bounds = features.offsets.to_numpy(zero_copy_only=True)
                rows = zip(
                    batch["key"].to_pylist(),
                    bounds[:-1].tolist(),
                    bounds[1:].tolist(),
                    batch["length"].to_pylist(),
                    strict=True,
                )
                for key, start, end, length in rows:
                    if length < 1 or end <= start or (end - start) % length:
                        raise ValueError(f"{end - start} numbers for {length} steps")
                    found[key] = _Row(column, start, end, length)
                if not np.isfinite(column).all():
                    raise ValueError("NaN or infinite numbers")
        except FileNotFoundError:
            return  # another process found it damaged and removed it
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            log.warning("%s: damaged (%s); its features are computed anew", path, reason)
            # An error of the operating system does not prove that the file is damaged.
            if getattr(error, "errno", None) is None:
                with suppress(OSError):
                    path.unlink()
        else:
            self._rows |= found


class FeaturePart(Part):
    """A part whose steps are precomputed features.

    Args:
        part: the part that the features were computed from.
        keys: key of each example of that part; examples that the store lacks are left out.
        store: store of the features.
        num_features: D of a frame, or of each of its P places.
    """

    is_ready_made = True

    @property
    def view(self) -> Literal["pictures", "words"] | None:  # type: ignore[override]
        """As the part it stands for has it."""
        return self.part.view

    def advice(self, *, num_workers: int, num_cores: int, is_first_epoch: bool) -> str | None:
        """A faster disk."""
        return (
            f"features are read from {self.store.folder}: set MANYTOONE_CACHE to a folder on a"
            " faster disk"
        )

    def __init__(
        self, part: Part, *, keys: Sequence[str], store: FeatureStore, num_features: int
    ) -> None:
        known = [k for k, key in enumerate(keys) if key in store]
        self.part, self.store, self._num_features = part, store, num_features
        self.ids, self.labels = part.ids[known], part.labels[known]
        self.keys = [keys[k] for k in known]
        # A damaged clip gives fewer steps than were planned.
        self.lengths = np.array([store.length(key) for key in self.keys], np.int64)
        self.truncated_steps = part.truncated_steps
        self.contents = part.contents[known]
        self.traits = {name: values[known] for name, values in part.traits.items()}
        self._positions = known

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the sources of examples, as the underlying part names them."""
        every = range(len(self)) if positions is None else positions
        return self.part.sources([self._positions[k] for k in every])

    def shown(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of the frames behind the features."""
        return self.part.shown([self._positions[k] for k in positions])

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of features (N, D) float32, or (N, P, D) of P places of a frame."""
        at = list(positions)
        pieces = [self.store.get(self.keys[k]) for k in at]
        steps = np.concatenate(pieces) if pieces else np.empty((0, 0), np.float32)
        steps = steps.astype(np.float32, copy=False)
        if steps.shape[1] > self._num_features:
            steps = steps.reshape(len(steps), -1, self._num_features)
        return collate(
            torch.from_numpy(steps),
            lengths=self.lengths[at],
            labels=self.labels[at],
            ids=self.ids[at],
            is_encoded=True,
        )
