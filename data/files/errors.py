"""What a person did that cannot be worked with."""


class InputError(ValueError):
    """A mistake the user can mend: one line with what came, what is allowed and what to change.

    The commands print the line alone and leave with exit code 2.
    """
