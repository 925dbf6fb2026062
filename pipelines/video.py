"""``python -m pipelines.video``: train, test and report; defaults in recipes/video.yaml."""

from pipelines.cli import train

if __name__ == "__main__":
    train("video")
