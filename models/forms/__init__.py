"""Trained models in the forms that are exported: padded batches, and each layer of a recurrence one operator."""
