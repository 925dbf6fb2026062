"""From text to tokens: normalising, cutting into words, and the vocabulary of known ones.

Everything is a Hugging Face tokenizer, so it is fast, keeps as one JSON text inside the checkpoint,
and cuts a text at prediction as it did at training.
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

UNKNOWN = "<unk>"
# Words with their apostrophes (don't stays one word), numbers, and every other sign by itself.
WORD = r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|\p{N}+|[^\s\p{L}\p{M}\p{N}]"
MARKUP = r"<[a-zA-Z/][^<>]{0,100}>"


def word_tokenizer(texts: Iterable[str], *, vocabulary_size: int, min_frequency: int) -> Tokenizer:
    """A tokenizer that knows the most frequent words of some texts.

    Args:
        texts: the training part and nothing else.
        vocabulary_size: how many words to know, the one for unknown words included.
        min_frequency: how often a word must occur to be known.
    """
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(MARKUP), " "),
            normalizers.NFKC(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=[UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def clean(text: str) -> str:
    """Text without what a tokenizer cannot take: lone surrogates become U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8")
