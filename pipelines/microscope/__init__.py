"""Page about single units of a saved model while it reads a text or a clip."""
