"""Prediction with saved models: ``load("best.ckpt")("a fine film")``, and the predict command."""

from pipelines.predict.loading import load
from pipelines.predict.predictor import Prediction, Predictor, Timeline
from pipelines.predict.translator import Translation, Translator

__all__ = ["Prediction", "Predictor", "Timeline", "Translation", "Translator", "load"]
