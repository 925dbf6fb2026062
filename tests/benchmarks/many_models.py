"""Models of the sizes of the recipes, untrained, as checkpoints: speed does not depend on weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from data.tokens.vocabulary import learn_tokenizer
from models.encoders.ngrams import NgramEmbedding
from tests.pipelines.saved_models import CLASSES, part, sentiment_model, write_saved

NUM_NGRAMS = 100_000


def write_sentiment(path: Path, texts: Sequence[str]) -> None:
    """Write a model of the sizes of sentiment.yaml; words and pairs are those of some texts."""
    tokenizer = learn_tokenizer(
        texts, kind="words", vocabulary_size=30_000, min_frequency=2, lowercase=True, strip_markup=True
    )  # fmt: skip
    encoder = part(
        "NgramEmbedding", num_tokens=tokenizer.get_vocab_size(), ngrams=2, features=64,
        num_ngrams=NUM_NGRAMS, ngram_features=32, context_features=128,
    )  # fmt: skip
    codes = frequent_pairs(tokenizer, texts)

    def know(checkpoint: dict[str, Any]) -> None:
        for name, value in checkpoint["state_dict"].items():
            if name.endswith(".known"):
                value[: len(codes)] = codes

    write_saved(
        path,
        model=sentiment_model(
            encoder=encoder,
            recurrence=part("LSTM", hidden_size=128),
            pooling="concat",
            members=4,
            shared_encoder=False,
            gated_features=32,
        ),
        change=know,
        inputs={"classes": CLASSES, "tokenizer": tokenizer.to_str()},
        data={"steps_per_batch": 8192},
    )


def frequent_pairs(tokenizer: Tokenizer, texts: Sequence[str]) -> torch.Tensor:
    """Codes of the most frequent pairs of words, ascending."""
    rows = [torch.tensor(one.ids) for one in tokenizer.encode_batch_fast(texts) if one.ids]
    steps = torch.cat([torch.stack([row[1:], row[:-1]], 1) for row in rows if len(row) > 1])
    (codes,) = NgramEmbedding.codes_of(steps)
    values, counts = codes.unique(return_counts=True)
    chosen = counts.argsort(descending=True)[:NUM_NGRAMS]
    return values[chosen].sort().values


def write_video(path: Path) -> None:
    """Write a model of the sizes of video.yaml."""
    model = sentiment_model(
        encoder=part("SmallCNN", features=128, width=16), recurrence=part("LSTM", hidden_size=128)
    )
    inputs = {"classes": CLASSES, "size_px": 64}
    write_saved(path, "video", model=model, inputs=inputs, data={"steps_per_batch": 512})
