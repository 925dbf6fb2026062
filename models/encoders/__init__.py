"""Encoders, from steps to features: words, n-grams, frames, foreground, vectors, pretrained backbones.

The pretrained ones are in `models.encoders.backbones`, which imports torchvision.
"""

from models.encoders.foreground import WithForeground
from models.encoders.frames import FrameEncoder, SmallCNN
from models.encoders.ngrams import NgramEmbedding
from models.encoders.vectors import VectorEncoder
from models.encoders.words import Encoder, OneHot, WordEmbedding

__all__ = [
    "Encoder",
    "FrameEncoder",
    "NgramEmbedding",
    "OneHot",
    "SmallCNN",
    "VectorEncoder",
    "WithForeground",
    "WordEmbedding",
]
