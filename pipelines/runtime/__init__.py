"""Base of every command: options, processor, errors and warnings."""
