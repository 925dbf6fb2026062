"""Models that write: an encoder-decoder, and the options of its search."""

from collections.abc import Callable
from typing import Any, Literal

from torch import nn

from models.encoders.words import Encoder
from models.errors import OptionError
from models.heads.attention import AdditiveAttention, Attention, GeneralAttention
from models.recurrence.recurrences import Recurrence
from models.sequence.encoder_decoder import EncoderDecoder, Start
from models.sequence.language_model import LanguageModel
from models.sequence.sources import ReadSource, SeenSource, Source

AttentionKind = Literal["general", "additive", "none"]
ATTENTIONS: dict[str, type[Attention]] = {
    "general": GeneralAttention,
    "additive": AdditiveAttention,
}


class SourceToText(nn.Module):
    """Answers a source with a text; it is built of the options of a checkpoint.

    Args:
        encoder: turns a source step into features.
        recurrence: makes, of the number of features, what reads the source. None leaves the features
            as they are, those of a picture and of its places.
        decoder: makes, of the number of features, what reads the tokens written so far.
        num_tokens: size V of the vocabulary, END being the last token.
        words: encodes the decoder's tokens; None: the encoder, where the source is text too.
        with_features: with a recurrence, whether a source step is remembered by its features too (see
            `ReadSource`).
        features: without a recurrence, the number of features that those of the encoder are mapped to;
            None leaves them as they are.
        attention: ``general`` or ``additive``, by which the decoder looks back at the source; ``none``
            leaves it the summary alone.
        start: where the source's summary goes (see `EncoderDecoder`).
        dropout: share of the features that is zeroed while training: those remembered of the source,
            and those before the softmax.
        label_smoothing, tied: see `LanguageModel`.
        beam: hypotheses of a search.
        length_power, blocked_ngram: see `beam_search`.
        max_tokens: the most tokens of an answer (see `search.limits`).
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence] | None,
        decoder: Callable[[int], Recurrence],
        *,
        num_tokens: int,
        words: Encoder | None = None,
        with_features: bool = False,
        features: int | None = None,
        attention: AttentionKind = "general",
        start: Start = "state",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        tied: bool = True,
        beam: int = 5,
        length_power: float = 1.0,
        blocked_ngram: int = 0,
        max_tokens: int = 100,
    ) -> None:
        super().__init__()
        source: Source
        if recurrence is None:
            source = SeenSource(encoder, features=features, dropout=dropout)
        elif features is not None:
            raise OptionError(
                f"features={features}: is for recurrence=null; a recurrence has a hidden_size of its"
                " own: leave features out"
            )
        else:
            source = ReadSource(
                encoder,
                recurrence(encoder.out_features),
                with_features=with_features,
                dropout=dropout,
            )
        words = encoder if words is None else words
        writer = LanguageModel(
            words,
            decoder(words.out_features),
            num_tokens=num_tokens,
            dropout=dropout,
            tied=tied,
            label_smoothing=label_smoothing,
        )
        made = None
        if attention != "none":
            sizes = (writer.recurrence.out_features, source.out_features)
            made = ATTENTIONS[attention](*sizes)
        self.model = EncoderDecoder(source, writer, attention=made, start=start)
        self.end = num_tokens - 1
        self.beam, self.length_power, self.max_tokens = beam, length_power, max_tokens
        self.blocked_ngram = blocked_ngram
        #: description of the model in its checkpoint
        self.description: dict[str, Any] = {}
