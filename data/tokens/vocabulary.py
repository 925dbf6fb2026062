"""Tokenizers: normalisation, splitting into pieces, and the learnt vocabulary.

All are Hugging Face tokenizers: fast, kept as one JSON text in the checkpoint, and the same at
prediction as in training.
"""

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from tokenizers.normalizers import Normalizer

from data.files.errors import InputError
from data.plain_text.content import ADDRESSES, MARKUP

log = logging.getLogger(__name__)

#: raise it when the same text gives other tokens than before: cached tokens are then made anew
VERSION = 1
TokenizerKind = Literal["words", "subwords", "characters"]

#: the unknown token; its id is 0 in every tokenizer
UNKNOWN, UNKNOWN_ID = "<unk>", 0
#: share of unknown tokens above which an answer is doubtful
MOST_UNKNOWN = 0.5
#: token between documents, and at both ends of a sequence that is written
END = "<|end|>"
NUM_BYTES = 256
# Variants of the apostrophe. Ambiguous signs count within a word only.
APOSTROPHE = r"’|(?<=\p{L})[ʼ´`](?=\p{L})"

# The patterns are Oniguruma's. Every repetition is bounded: a text of megabytes without a blank must
# become neither one token of that size, nor one piece for merging pairs.
# Words include apostrophes (don't is one word), marks (accents and vowel signs), and the joiners of
# Persian and Indic scripts.
# In scripts without blanks between words, each character is a word, together with its marks, a vowel
# that is written as a letter (Thai and Lao am), the sign for a long vowel or a voiced consonant of
# kana, and a letter stacked below in Khmer and Myanmar. (The scripts are those of class SA of Unicode
# Standard Annex 14, and the East Asian ones. Tibetan separates syllables by a point.)
UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}"
)
UNSPACED_LETTER = rf"[\p{{L}}&&[{UNSPACED}]]"
CHARACTER = (
    rf"{UNSPACED_LETTER}(?:[\x{{17D2}}\x{{1039}}]{UNSPACED_LETTER}"
    r"|[\p{M}\x{0E33}\x{0EB3}\x{30FC}\x{FF70}\x{FF9E}\x{FF9F}]){0,9}"
)
LETTER = rf"[\p{{L}}&&[^{UNSPACED}]]"
LETTERS = rf"{LETTER}[{LETTER}\p{{M}}\x{{200C}}\x{{200D}}]{{0,99}}"
# A sign with its modifiers: style and skin tone of an emoji, tags of a flag. Other flags are two
# letters. A joiner makes one emoji of several (Unicode Technical Standard 51).
CHANGES = r"[\p{M}\x{1F3FB}-\x{1F3FF}\x{E0020}-\x{E007F}]{0,9}"
SIGN = rf"(?:[\x{{1F1E6}}-\x{{1F1FF}}]{{2}}|[^\s\p{{L}}\p{{N}}]){CHANGES}"
WORD = (
    rf"{LETTERS}(?:'{LETTERS}){{0,2}}|{CHARACTER}"
    rf"|\p{{N}}{{1,100}}\p{{M}}{{0,9}}|{SIGN}(?:\x{{200D}}{SIGN}){{0,9}}"
)
# Pieces within which pairs are merged: a word, a number or signs, with the blank or line end before
# it; and further blanks, as before a line of code.
SUBWORD = r"\s?[\p{L}\p{M}']{1,100}|\s?\p{N}{1,3}|\s?[^\s\p{L}\p{N}]{1,16}|\s{1,100}(?!\S)|\s"
SUBWORD_DIGIT = SUBWORD.replace(r"\p{N}{1,3}", r"\p{N}")


def learn_tokenizer(
    texts: Iterable[str],
    *,
    kind: TokenizerKind,
    vocabulary_size: int,
    min_frequency: int,
    lowercase: bool = True,
    strip_markup: bool = True,
    strip_addresses: bool = False,
    each_digit: bool = False,
    unread: Collection[str] = (),
    rewritten: Sequence[tuple[str, str]] = (),
) -> Tokenizer:
    """Learn a tokenizer whose vocabulary is the most frequent pieces of some texts.

    Args:
        texts: texts of the training part, and no others.
        kind: ``words`` splits at blanks and signs; ``subwords`` is byte-level byte-pair encoding
            (Sennrich et al. 2016; Radford et al. 2019), which spells unknown words, in any script;
            ``characters`` splits into characters, including blanks and line ends. The last two
            decode to the normalised text.
        vocabulary_size: size of the vocabulary, including the unknown token.
        min_frequency: the least number of occurrences of a piece in the vocabulary.
        lowercase: whether to fold case.
        strip_markup: whether tags such as ``<br />`` are replaced by blanks.
        strip_addresses: whether addresses of pages and of mail, and handles (@name), are too.
        each_digit: whether subwords have one digit at most, so that a number which was never seen is
            written as well as others.
        unread: words, in small letters, to leave out of a vocabulary of ``words``.
        rewritten: patterns, and what is read in the place of each (see `unread.rewritten`).

    Raises:
        InputError: a vocabulary that is too small, or a frequency below 1.
    """
    least = NUM_BYTES + 1 if kind == "subwords" else 2
    if vocabulary_size < least:
        raise InputError(f"--data.vocabulary_size={vocabulary_size}: {kind} need at least {least}")
    if min_frequency < 1:
        raise InputError(f"--data.min_frequency={min_frequency}: at least 1")
    steps: list[Normalizer] = [normalizers.Replace(Regex(MARKUP), " ")] if strip_markup else []
    if strip_addresses:
        steps.append(normalizers.Replace(Regex(ADDRESSES), " "))
    steps += [normalizers.Replace(Regex(pattern), new) for pattern, new in rewritten]
    if kind != "characters":
        # Composed letters and one kind of apostrophe. NFKC would turn the single letters with which
        # Koreans laugh and cry into syllables.
        steps += [normalizers.NFC(), normalizers.Replace(Regex(APOSTROPHE), "'")]
    if lowercase:
        steps.append(normalizers.Lowercase())
    normalizer = normalizers.Sequence(steps) if steps else None
    if kind == "characters":
        tokenizer = _learn_characters(
            texts, normalizer, size=vocabulary_size, min_frequency=min_frequency
        )
        tokenizer.normalizer = normalizer
        return tokenizer
    tokenizer = _words() if kind == "words" else _subwords(each_digit=each_digit)
    tokenizer.normalizer = normalizer
    options: dict[str, Any] = {
        "vocab_size": vocabulary_size,
        "min_frequency": min_frequency,
        "special_tokens": [UNKNOWN],
        "show_progress": False,
    }
    if kind == "words":
        options["vocab_size"] += len(unread)
        trainer: Any = trainers.WordLevelTrainer(**options)
    else:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(initial_alphabet=alphabet, **options)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer = _without_special(tokenizer)
    return _without(tokenizer, unread, size=vocabulary_size) if kind == "words" else tokenizer


def _words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    # The decoder is used for its clean-up: no blank before a full stop or a comma.
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    return tokenizer


def _subwords(*, each_digit: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    pieces = [
        pre_tokenizers.Split(Regex(SUBWORD_DIGIT if each_digit else SUBWORD), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pieces)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _learn_characters(
    texts: Iterable[str], normalizer: Normalizer | None, *, size: int, min_frequency: int
) -> Tokenizer:
    """Learn a byte-pair encoding without merges, which splits characters faster than a pattern."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text) if normalizer else text)
    # Sorted by frequency, and by code point where that is equal.
    known = sorted((-n, one) for one, n in counts.items() if n >= min_frequency)[: size - 1]
    vocabulary = {UNKNOWN: 0} | {one: k for k, (_, one) in enumerate(known, start=1)}
    model = models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN, fuse_unk=False)
    tokenizer = Tokenizer(model)
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _without_special(tokenizer: Tokenizer) -> Tokenizer:
    """Remove special tokens, which would be recognised in texts that spell them."""
    parts = json.loads(tokenizer.to_str())
    parts["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(parts))


def _without(tokenizer: Tokenizer, unread: Collection[str], *, size: int) -> Tokenizer:
    """Remove words from a vocabulary, of which the most frequent ``size`` others stay."""
    parts = json.loads(tokenizer.to_str())
    known = sorted(parts["model"]["vocab"].items(), key=lambda item: item[1])
    kept = [word for word, _ in known if word.lower() not in unread][:size]
    parts["model"]["vocab"] = {word: k for k, word in enumerate(kept)}
    return Tokenizer.from_str(json.dumps(parts))


def unknown_id(tokenizer: Tokenizer) -> int:
    """Id of the unknown token of a tokenizer from `learn_tokenizer`."""
    found = tokenizer.token_to_id(UNKNOWN)
    assert found is not None
    return found


def warn_of_unknown(shares: Mapping[str, float], *, where: str) -> None:
    """Warn of parts in which most tokens are out of vocabulary.

    Args:
        shares: share of out-of-vocabulary tokens in each part.
        where: name of the source.
    """
    most = {part: share for part, share in shares.items() if share > MOST_UNKNOWN}
    if not most:
        return
    told = ", ".join(f"{share:.0%} of the part '{part}'" for part, share in most.items())
    advice = "the model was trained on other words, so its answers to these texts are doubtful"
    if "train" in shares:
        advice = (
            "answers can rest on the others alone; take --data.tokenizer=subwords or characters, a"
            " smaller --data.min_frequency, or a larger --data.vocabulary_size"
        )
    log.warning("%s: most tokens are not in the vocabulary (%s): %s", where, told, advice)
