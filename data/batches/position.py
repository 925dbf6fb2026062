"""Place of a loader in its epoch, which a checkpoint keeps."""

from data.files.errors import InputError


class Position:
    """Counts the batches that a loader gives out; Lightning asks for `state_dict`.

    A run resumed within an epoch reads the rest of it and nothing twice. A subclass defines
    `num_batches`, begins an epoch at ``first_batch``, sets that back to 0, and counts in ``num_given``.
    """

    #: batches to skip at the beginning of the next epoch that is read
    first_batch = 0
    #: batches given out in this epoch
    num_given = 0

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define num_batches")

    def take_back(self) -> None:
        """Count the last batch as not given out: nothing was learnt from it."""
        self.num_given -= 1

    def state_dict(self) -> dict[str, int]:
        """Number of batches given out in this epoch, and in all of it."""
        given = self.num_given % max(self.num_batches, 1)
        return {"num_given": given, "num_batches": self.num_batches}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Skip the batches that were given out before, once.

        Raises:
            InputError: the epoch had another number of batches, so its rest is unknown.
        """
        # Older checkpoints lack the key.
        num_batches = state.get("num_batches", self.num_batches)
        if state["num_given"] > 0 and num_batches != self.num_batches:
            raise InputError(
                f"--ckpt_path: was saved within an epoch of {num_batches:,} batches, and now it has"
                f" {self.num_batches:,}; resume with the same data, options and number of processes, or"
                " from an epoch's end"
            )
        self.first_batch = state["num_given"]
