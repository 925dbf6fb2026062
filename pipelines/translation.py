"""``python -m pipelines.translation``: train, test and report; see recipes/translation.yaml."""

from pipelines.cli.training import train


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.translation [--data.path=…] [--run=…] …``."""
    train("translation", args)


if __name__ == "__main__":
    main()
