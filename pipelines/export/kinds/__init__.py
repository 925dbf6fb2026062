"""Exports by kind of model: classifiers, language models, and models that write."""
