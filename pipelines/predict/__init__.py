"""A saved model's answers: ``load("best.ckpt")("a fine film")``, and the command that writes them."""

from pipelines.predict.predictor import Prediction, Predictor, Timeline, load

__all__ = ["Prediction", "Predictor", "Timeline", "load"]
