"""A step to features: words, n-grams, frames, vectors. (`models.encoders.backbones` are pretrained.)"""

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
    "WordEmbedding",
]
