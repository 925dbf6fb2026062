"""Strict JSON, which every reader takes: NaN and infinity, which the standard lacks, become null."""

import json
from typing import Any


def plain_values(found: Any) -> Any:
    """Convert to dicts, lists, strings and numbers; NaN and infinity become None.

    Arrays become lists. Other objects that JSON lacks, such as paths and dates, become strings.
    """
    text = json.dumps(found, default=lambda item: getattr(item, "tolist", item.__str__)())
    return json.loads(text, parse_constant=lambda constant: None)


def json_text(found: Any) -> str:
    """Write `plain_values` as indented text for a file."""
    text = json.dumps(plain_values(found), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"
