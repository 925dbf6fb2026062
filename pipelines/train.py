"""``python -m pipelines.train <kind> …``: train any kind of model, test and report."""

import sys

from data.files.errors import InputError
from pipelines.cli.training import train
from pipelines.runtime.errors import one_line_errors
from pipelines.tasks.kinds import KINDS


def main(args: list[str] | None = None) -> None:
    """Train the kind of model that the first argument names; the others are options."""
    args = sys.argv[1:] if args is None else args
    with one_line_errors():
        if not args or args[0].startswith("-"):
            raise InputError(f"what to train is missing: name one of {', '.join(KINDS)}")
    train(args[0], args[1:])


if __name__ == "__main__":
    main()
