"""Prediction with saved models: ``load("best.ckpt")("a fine film")``, and the predict command."""

from pipelines.predict.loading import load
from pipelines.predict.predictor import Prediction, Predictor, Timeline
from pipelines.predict.writing.captioner import Captioner
from pipelines.predict.writing.translator import Translator
from pipelines.predict.writing.writer import WrittenAnswer

__all__ = [
    "Captioner",
    "Prediction",
    "Predictor",
    "Timeline",
    "Translator",
    "WrittenAnswer",
    "load",
]
