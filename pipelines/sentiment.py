"""``python -m pipelines.sentiment``: train, test and report; defaults in recipes/sentiment.yaml."""

from pipelines.cli import train

if __name__ == "__main__":
    train("sentiment")
