"""Base of every command: options, processor, ranks, run folders, errors and warnings."""
