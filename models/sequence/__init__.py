"""Whole models: many to one, ensembles, language models, encoder-decoders, and their search."""

from models.sequence.encoder_decoder import EncoderDecoder
from models.sequence.language_model import LanguageModel
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs

__all__ = ["EncoderDecoder", "LanguageModel", "ManyToOne", "StepInputs"]
