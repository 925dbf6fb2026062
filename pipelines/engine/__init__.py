"""Many machines: answers of a saved model to any number of items, as Parquet files, piece by piece."""
