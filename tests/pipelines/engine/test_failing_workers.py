"""A thousand shards, of whose workers some are killed: every row is there once."""

import pyarrow.parquet as pq
import pytest

from pipelines.engine.pieces import division_of
from tests.pipelines.engine.failing_workers import Workers, answer


@pytest.mark.parametrize(
    ("num_shards", "share_killed", "share_twice"),
    [
        (1000, 0.05, 0.0),
        (40, 0.5, 0.5),
        pytest.param(1000, 0.3, 0.3, marks=pytest.mark.slow),
    ],
)
def test_every_row_is_there_once(tmp_path, num_shards, share_killed, share_twice):
    division = division_of(num_shards * 2 * 3 - 4, 3)
    workers = Workers(
        tmp_path,
        division,
        num_shards=num_shards,
        share_killed=share_killed,
        share_twice=share_twice,
    )
    outcome = workers.run()
    assert outcome.num_killed > num_shards * share_killed / 3
    assert outcome.num_starts >= num_shards + outcome.num_killed
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"part-{k:06d}.parquet" for k in range(division.num_pieces)]
    for number, name in enumerate(names):
        assert pq.read_table(tmp_path / name).equals(answer(division.piece(number)))
    # Only the last to end can say so.
    errors = -(-division.num_items // 7)
    told = f"complete: {division.num_pieces:,} files, {division.num_items:,} rows, {errors:,} with"
    assert told in outcome.lines[-1]
    assert all("files are missing" in line or told in line for line in outcome.lines)
    assert (
        outcome.num_answered - division.num_pieces
        <= outcome.num_killed + 2 * num_shards * share_twice
    )
