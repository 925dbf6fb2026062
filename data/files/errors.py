"""The error for mistakes that a user can correct."""


class InputError(ValueError):
    """A user's mistake, in one line: what came, what is allowed, and what to change.

    The commands print the line alone and exit with code 2.
    """
