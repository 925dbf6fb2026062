"""``python -m pipelines.language``: train a language model, test and report; see language.yaml."""

from pipelines.cli import train

if __name__ == "__main__":
    train("language")
