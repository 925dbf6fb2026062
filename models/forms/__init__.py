"""Forms of trained models for export: padded batches, and each recurrent layer one operator."""
