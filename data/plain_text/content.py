"""Content of a text: what tokenizers take, and what is left of it without case, blanks and markup."""

import re

# Elements of HTML, also of earlier versions. Other words in angle brackets are text: <happy>, <user>,
# <url>, and <time>, which replaces times in tweets.
ELEMENTS = (
    "a|abbr|acronym|address|applet|area|article|aside|audio|b|base|basefont|bdi|bdo|big|blink"
    "|blockquote|body|br|button|canvas|caption|center|cite|code|col|colgroup|dd|del|details|dfn"
    "|dialog|dir|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|frameset"
    "|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark"
    "|marquee|menu|meta|meter|nav|nobr|noframes|noscript|object|ol|optgroup|option|p|param|picture"
    "|pre|progress|q|rp|rt|ruby|s|samp|script|section|select|small|source|span|strike|strong|style"
    "|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|title|tr|track|tt|u|ul"
    "|var|video|wbr"
)
# Adjacent tags are replaced by one blank.
MARKUP = rf"(?:</?(?i:{ELEMENTS})(?:[\s/][^<>]{{0,100}})?>)++"

# Addresses of pages and mail, and handles: strings that are new in each text, and say nothing of it.
# Signs that end a sentence or close a bracket are not theirs. No repetition is without an end.
ADDRESSES = (
    r"(?<![A-Za-z0-9])(?i:https?://|www\.)[!-~]{0,1000}[A-Za-z0-9/]"
    r"|(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
    r"|(?<![A-Za-z0-9_+@/-])@[A-Za-z0-9_]{1,30}"
)


def clean(text: str) -> str:
    """Replace lone surrogates, which tokenizers do not take, by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def content(text: str) -> str:
    """The content of a text, regardless of case, blanks and markup; empty for a blank text."""
    return " ".join(re.sub(MARKUP, " ", clean(text)).lower().split())
