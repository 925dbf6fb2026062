"""``python -m pipelines.captions``: train, test and report; see recipes/captions.yaml."""

from pipelines.cli.training import train


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.captions [--data.path=…] [--run=…] …``."""
    train("captions", args)


if __name__ == "__main__":
    main()
