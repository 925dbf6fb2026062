"""Files on disk: errors, atomic writes, the cache folder, encodings, checkpoints as plain data."""
