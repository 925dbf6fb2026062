"""Figures as JSON that every reader takes: it has no word for what is no number."""

import json
from typing import Any


def plain_values(found: Any) -> Any:
    """The same as dicts, lists, strings and numbers; NaN and infinity become None.

    Arrays become lists; what else JSON does not know, such as a path or a date, becomes its text.
    """
    text = json.dumps(found, default=lambda item: getattr(item, "tolist", item.__str__)())
    return json.loads(text, parse_constant=lambda constant: None)


def json_text(found: Any) -> str:
    """`plain_values` as the text of a file, for people too."""
    text = json.dumps(plain_values(found), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"
