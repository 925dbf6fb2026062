"""Warning about texts with many out-of-vocabulary tokens, whose answers are doubtful."""

import logging
from collections.abc import Mapping

log = logging.getLogger(__name__)

#: share of out-of-vocabulary tokens above which an answer is doubtful
MOST_UNKNOWN = 0.5


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
