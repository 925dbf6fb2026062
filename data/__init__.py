"""Files to batches: examples are found, read, labelled and divided into parts. Knows no model."""
