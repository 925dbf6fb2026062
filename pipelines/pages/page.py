"""Pages to open by a double click: one HTML file, with its figures in it and nothing from elsewhere."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import matplotlib
from matplotlib.figure import Figure

from pipelines.runtime.escaping import visible

# Of what is an image in a figure.
_IMAGE_DPI = 150
# Letters of 8 points are 7 pixels high then.
_LEAST_PX_PER_INCH = 64

# Read on a phone, on a screen in the dark, and on paper.
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2b3a; --soft: #5b6673; --line: #d9dee4; --paper: #fff;
  --tint: #f3f6f9 }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ed; --soft: #9aa5b1; --line: #333c46;
  --paper: #14191f; --tint: #1d242c } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1.2rem }
p { max-width: 46rem; margin: .6rem 0 }
.lead { font-size: 1.1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .8rem 0 }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500; vertical-align: bottom }
th:first-child, td:first-child { text-align: left; min-width: 7rem }
td:not(:first-child) { white-space: nowrap }
figure { margin: 1rem 0; overflow-x: auto }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: .3rem }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; margin-top: .3rem }
pre { overflow-x: auto; padding: .8rem; background: var(--tint); border-radius: .3rem;
  font-size: .85rem }
details { margin: .8rem 0 } summary { cursor: pointer; color: var(--soft) }
.example { margin: 1rem 0 1.6rem; padding: .2rem 1rem .6rem; background: var(--tint);
  border-radius: .4rem; border-left: .3rem solid #3f8f5b }
.example.wrong { border-left-color: #c2553f }
.example p { max-width: none } .example svg { width: 100%; height: auto; display: block }
.words { line-height: 1.75 } .words span { border-radius: .15rem }
.gap, .legend, .source { color: var(--soft) } .legend, .source { font-size: .85rem }
.rule { stroke: var(--line); stroke-width: 1; fill: none }
.strip { display: grid; gap: 2px }
.strip img { width: 100%; height: auto }
@media print { body { max-width: none; padding: 0; font-size: 10pt } h2 { break-after: avoid }
  figure, tr { break-inside: avoid } .wide, figure { overflow: visible }
  figure img { min-width: 0 !important } }
"""


def escaped(text: str) -> str:
    """Any text as the content or an attribute of an element."""
    return escape(visible(text))


def page(title: str, *parts: str) -> str:
    """A whole HTML document of parts that the functions below make."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing is loaded, whatever stands in the texts that are shown.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escaped(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


class UnfinishedPageError(Exception):
    """A page that lacks a section; the error that kept it is the cause.

    Args:
        page: the document, which says what it lacks.
        error: the first that came.
        count: how many sections are missing.
    """

    def __init__(self, page: str, error: Exception, count: int) -> None:
        self.page = page
        noun = "section" if count == 1 else "sections"
        super().__init__(f"the page lacks {count} {noun}: {_told(error)}")


def page_of_sections(title: str, *sections: Iterable[str]) -> str:
    """`page` of parts that are made one by one.

    Raises:
        UnfinishedPageError: a section could not be made; the others were.
    """
    parts: list[str] = []
    errors: list[Exception] = []
    for section in sections:
        try:
            parts += section
        except Exception as error:
            parts.append(paragraph(f"This section could not be made: {_told(error)}."))
            errors.append(error)
    made = page(title, *parts)
    if errors:
        raise UnfinishedPageError(made, errors[0], len(errors)) from errors[0]
    return made


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def heading(text: str) -> str:
    """The heading of a section."""
    return f"<h2>{escaped(text)}</h2>"


def paragraph(text: str, *, lead: bool = False) -> str:
    """Running text; ``lead``: larger, for what must be read first."""
    return f"<p class='{'lead' if lead else 'text'}'>{escaped(text)}</p>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are numbers, as they shall be printed."""
    head = "".join(f"<th>{escaped(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def picture(figure: Figure, *, alt: str, caption: str = "") -> str:
    """A figure as SVG, sharp at any size."""
    content = io.BytesIO()
    # Without a date, and with ids that depend on nothing else, the same figure is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "manytoone", "svg.fonttype": "path"}):
        figure.savefig(
            content, format="svg", bbox_inches="tight", metadata={"Date": None}, dpi=_IMAGE_DPI
        )
    source = base64.b64encode(content.getvalue()).decode()
    below = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    # On a phone a wide figure is moved sideways: at a third of its size nobody can read it.
    least = round(_LEAST_PX_PER_INCH * figure.get_figwidth())
    image = (
        f'<img alt="{escaped(alt)}" style="min-width:{least}px"'
        f' src="data:image/svg+xml;base64,{source}">'
    )
    return f"<figure>{image}{below}</figure>"


def raw(html: str) -> str:
    """A part that is HTML already; what it shows of texts and names has been escaped."""
    return html


def details(summary: str, *parts: str) -> str:
    """What is folded away until it is asked for."""
    return f"<details><summary>{escaped(summary)}</summary>{''.join(parts)}</details>"
