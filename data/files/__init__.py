"""Files and folders: errors, atomic writes, the cache, encodings, checkpoints as plain data."""
