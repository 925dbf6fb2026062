"""``python -m pipelines.language``: train, test and report; see recipes/language.yaml."""

from pipelines.cli.training import train


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.language [--data.path=…] [--run=…] …``."""
    train("language", args)


if __name__ == "__main__":
    main()
