"""The watch command: a saved model's running answer over a source that need not end."""
