"""Single units of a saved model on a text or a clip: a page."""
