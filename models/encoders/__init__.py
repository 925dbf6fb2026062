"""A step to features: words, n-grams, frames. (`models.encoders.backbones` are pretrained.)"""

from models.encoders.frames import FrameEncoder, SmallCNN
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Encoder, OneHot, WordEmbedding

__all__ = ["Encoder", "FrameEncoder", "NgramEmbedding", "OneHot", "SmallCNN", "WordEmbedding"]
