"""Whole models: many to one, ensembles, language models, and the answer along the way."""

from models.sequence.language_model import LanguageModel
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs

__all__ = ["LanguageModel", "ManyToOne", "StepInputs"]
