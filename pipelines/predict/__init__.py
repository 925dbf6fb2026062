"""Prediction with saved models: ``load("best.ckpt")("a fine film")``, and the predict command."""

from pipelines.predict.predictor import Prediction, Predictor, Timeline, load

__all__ = ["Prediction", "Predictor", "Timeline", "load"]
