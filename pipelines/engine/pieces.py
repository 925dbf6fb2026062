"""Division of the items of an input into pieces, and of the pieces among shards."""

import re
from typing import NamedTuple

from data.files.errors import InputError

#: the most pieces: their names have six digits
MOST_PIECES = 1_000_000
_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)


class Piece(NamedTuple):
    """Items of one file of answers."""

    number: int
    start: int
    """Index of its first item in the input."""
    stop: int
    """Index behind its last item."""

    @property
    def num_items(self) -> int:
        """Number of its items."""
        return self.stop - self.start


class Shard(NamedTuple):
    """One of several processes that share the pieces."""

    number: int
    """From 0 to ``total`` - 1."""
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


#: the shard of a process that has all pieces to itself
ALONE = Shard(0, 1)


def shard_of(option: str | None) -> Shard:
    """Parse ``SHARD=i/n``, i from 0 to n - 1.

    Raises:
        InputError: another form; a number that is no shard, such as n of n.
    """
    if option is None:
        return ALONE
    found = _SHARD.fullmatch(option.strip())
    if found is None:
        raise InputError(
            f"SHARD={option}: give the number of the shard, from 0, and how many there are, e.g."
            " SHARD=0/100, or SHARD=$SLURM_ARRAY_TASK_ID/100 of an array 0-99"
        )
    shard = Shard(int(found[1]), int(found[2]))
    if shard.number >= shard.total:
        last = max(shard.total, 1) - 1
        raise InputError(
            f"SHARD={option}: shards are counted from 0, so the last of {shard.total} is"
            f" {last}/{last + 1}; give one of 0 to {last} (an array job: 0-{last})"
        )
    return shard


class Division(NamedTuple):
    """Division of items into pieces: the same for all shards, whatever their number."""

    num_items: int
    items_per_file: int

    @property
    def num_pieces(self) -> int:
        """Number of pieces; the last one may be shorter than the others."""
        return -(-self.num_items // self.items_per_file)

    def piece(self, number: int) -> Piece:
        """The piece of a number, from 0."""
        start = number * self.items_per_file
        return Piece(number, start, min(start + self.items_per_file, self.num_items))

    def numbers_of(self, shard: Shard) -> range:
        """Numbers of the pieces of a shard: i, i + n, i + 2 n, …"""
        return range(shard.number, self.num_pieces, shard.total)


def division_of(num_items: int, items_per_file: int) -> Division:
    """Divide items.

    Raises:
        InputError: more files than `MOST_PIECES`.
    """
    found = Division(num_items, items_per_file)
    if found.num_pieces > MOST_PIECES:
        raise InputError(
            f"--items_per_file={items_per_file}: makes {found.num_pieces:,} files of"
            f" {num_items:,} items, and at most {MOST_PIECES:,} are written; give"
            f" {-(-num_items // MOST_PIECES)} or more"
        )
    return found
