"""The error for options that a model cannot have."""


class OptionError(ValueError):
    """An option that does not fit: one line with what came, what is allowed and what to change.

    The commands print the line alone and leave with exit code 2, as they do for wrong data.
    """
