"""Prediction with saved models: ``load("best.ckpt")("a fine film")``, and the predict command."""

from pipelines.predict.captioner import Captioner
from pipelines.predict.loading import load
from pipelines.predict.predictor import Prediction, Predictor, Timeline
from pipelines.predict.translator import Translator
from pipelines.predict.writer import WrittenAnswer

__all__ = [
    "Captioner",
    "Prediction",
    "Predictor",
    "Timeline",
    "Translator",
    "WrittenAnswer",
    "load",
]
