"""``python -m pipelines.video``: train, test and report; defaults in recipes/video.yaml."""

from pipelines.cli.training import train


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.video [--data.path=…] [--run=…] …``."""
    train("video", args)


if __name__ == "__main__":
    main()
