"""Streams: frames and texts of sources that need not end, each read once."""
