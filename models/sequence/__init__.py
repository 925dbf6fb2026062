"""Whole models: many to one, several side by side, language models, and answers along the way."""

from models.sequence.language_model import LanguageModel
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs

__all__ = ["LanguageModel", "ManyToOne", "StepInputs"]
