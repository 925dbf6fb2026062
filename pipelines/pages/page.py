"""Pages as single HTML files: figures are embedded, and nothing is loaded from elsewhere.

A page is a template in ``templates/`` that extends ``page.html``. It calls ``section(make)`` for each
of its sections, and ``make()`` returns the section's values, or None to leave it out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from pipelines.pages import palette
from pipelines.pages.figures import figure_url, image_url, least_width_px
from pipelines.runtime.escaping import printable, visible


class UnfinishedPageError(Exception):
    """Error of a page that lacks a section; the error in making that section is the cause.

    Args:
        page: the document, with a notice in place of each missing section.
        error: the first error.
        count: number of missing sections.
    """

    def __init__(self, page: str, error: Exception, count: int) -> None:
        self.page = page
        noun = "section" if count == 1 else "sections"
        super().__init__(f"the page lacks {count} {noun}: {_told(error)}")


def render_page(template: str, *, title: str, **values: Any) -> str:
    """Render an HTML document.

    Args:
        template: name of the template, which can use ``values`` and ``section``.
        title: title of the document.
        values: values of the template by name, such as the functions that make its sections' values.

    Raises:
        UnfinishedPageError: at least one section could not be made; the page has all others.
    """
    errors: list[Exception] = []

    def section(make: Callable[[], Any], caller: Callable[[Any], str]) -> str:
        try:
            found = make()
            return "" if found is None else caller(found)
        except Exception as error:
            errors.append(error)
            return fragment("macros.html", "unfinished", _told(error))

    made = _ENVIRONMENT.get_template(template).render(values, title=title, section=section)
    if errors:
        raise UnfinishedPageError(made, errors[0], len(errors)) from errors[0]
    return made


def fragment(template: str, macro: str, *args: Any) -> Markup:
    """Render one macro of a template."""
    return getattr(_ENVIRONMENT.get_template(template).module, macro)(*args)


def rendered(template: str) -> str:
    """Render a template without values, such as the stylesheet."""
    return _ENVIRONMENT.get_template(template).render()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _shown(value: Any) -> Any:
    """Make a value visible text before Jinja escapes its HTML; markup stays as it is."""
    return value if isinstance(value, (Markup, Undefined)) else visible(str(value))


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.globals |= {"palette": palette}
_ENVIRONMENT.filters |= {
    "figure_url": figure_url,
    "image_url": image_url,
    "least_width_px": least_width_px,
    "number": lambda value, form=",": format(value, form),
    "printable": printable,
    "visible": visible,
}
