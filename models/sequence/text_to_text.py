"""Translators: an encoder-decoder of one vocabulary, and how its answers are searched for."""

from collections.abc import Callable
from typing import Any, Literal

from torch import nn

from models.encoders.words import Encoder
from models.heads.attention import AdditiveAttention, Attention, GeneralAttention
from models.recurrence.recurrences import Recurrence
from models.sequence.encoder_decoder import EncoderDecoder
from models.sequence.language_model import LanguageModel
from models.sequence.sources import ReadSource

AttentionKind = Literal["general", "additive", "none"]
ATTENTIONS: dict[str, type[Attention]] = {
    "general": GeneralAttention,
    "additive": AdditiveAttention,
}


class TextToText(nn.Module):
    """Answers a text with another one; it is built of the options of a checkpoint.

    Args:
        encoder: turns a token into features, for the source and the decoder alike.
        recurrence: makes, of the number of features, what reads the source.
        decoder: makes, of the number of features, what reads the tokens written so far.
        num_tokens: size V of the vocabulary, END being the last token.
        attention: ``general`` or ``additive``, by which the decoder looks back at the source; ``none``
            leaves it the summary alone.
        dropout: share of the features that is zeroed while training: those remembered of the source,
            and those before the softmax.
        label_smoothing, tied: see `LanguageModel`.
        beam: hypotheses of a search.
        length_power: see `beam_search`.
        max_tokens: the most tokens of an answer to a source of half as many (see `search.limits`).
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        decoder: Callable[[int], Recurrence],
        *,
        num_tokens: int,
        attention: AttentionKind = "general",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        tied: bool = True,
        beam: int = 5,
        length_power: float = 1.0,
        max_tokens: int = 100,
    ) -> None:
        super().__init__()
        source = ReadSource(encoder, recurrence(encoder.out_features), dropout=dropout)
        writer = LanguageModel(
            encoder,
            decoder(encoder.out_features),
            num_tokens=num_tokens,
            dropout=dropout,
            tied=tied,
            label_smoothing=label_smoothing,
        )
        made = None
        if attention != "none":
            sizes = (writer.recurrence.out_features, source.out_features)
            made = ATTENTIONS[attention](*sizes)
        self.model = EncoderDecoder(source, writer, attention=made)
        self.end = num_tokens - 1
        self.beam, self.length_power, self.max_tokens = beam, length_power, max_tokens
        #: description of the model in its checkpoint
        self.description: dict[str, Any] = {}
