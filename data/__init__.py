"""Files to batches: finding, reading, labelling and dividing examples. Knows no model."""
