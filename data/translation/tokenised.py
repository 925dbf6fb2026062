"""Texts that were tokenised: signs cut off by blanks, or marked, as training sets often have them."""

import re
from collections.abc import Sequence

# A blank before a full stop or a comma that ends a word; the marks of Moses and of subword-nmt. French
# has a blank before other signs.
_TRACES = re.compile(r"\S [.,](?: |$)|@-@|@@(?: |$)|&(?:apos|quot|amp|lt|gt|#91|#93|#124);")
#: share of texts above which they are taken for tokenised
MOST_TOKENISED = 0.1


def tokenised_share(texts: Sequence[str]) -> float:
    """Compute the share of texts with a trace of a tokeniser; 0 of no texts.

    sacreBLEU (Post 2018) warns likewise, of lines that end in a blank and a full stop.
    """
    return sum(_TRACES.search(text) is not None for text in texts) / max(len(texts), 1)
