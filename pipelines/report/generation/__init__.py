"""Reports of models that write: answers beside references, baselines, attention."""
