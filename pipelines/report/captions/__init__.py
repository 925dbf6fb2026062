"""Reports of captioners: answers beside their pictures and references, baselines, attention."""
