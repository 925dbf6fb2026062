"""``python -m pipelines.sentiment``: train, test and report; defaults in recipes/sentiment.yaml."""

from pipelines.cli.training import train


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.sentiment [--data.path=…] [--run=…] …``."""
    train("sentiment", args)


if __name__ == "__main__":
    main()
