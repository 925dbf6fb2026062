"""Encoders, from steps to features: words, n-grams, frames, pretrained backbones.

The pretrained ones are in `models.encoders.backbones`, which imports torchvision.
"""

from models.encoders.frames import FrameEncoder, SmallCNN
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Encoder, OneHot, WordEmbedding

__all__ = ["Encoder", "FrameEncoder", "NgramEmbedding", "OneHot", "SmallCNN", "WordEmbedding"]
