"""Pages: whatever stands in the texts, a page is HTML of its template; a lost section is told."""

import ast
import re

import pytest
from jinja2 import DictLoader, UndefinedError
from markupsafe import Markup
from matplotlib.figure import Figure

from pipelines.pages import page as pages
from pipelines.pages.figures import figure_url
from pipelines.pages.page import UnfinishedPageError, fragment, render_page
from tests import ROOT

HOSTILE = '<script>"a" & \x1b[31m\u202e\udcff</script>'
ESCAPED = "&lt;script&gt;&#34;a&#34; &amp; \\x1b[31m\\u202e\\udcff&lt;/script&gt;"

# A group of a pattern, (?P<name>…), and a part of a path, runs/<task>, are no tags.
TAG = re.compile(r"(?<!\?P)(?<!/)<(?!class ')[a-z]+[0-9]?[ >]")


@pytest.fixture
def templates(monkeypatch):
    """By name, templates beside the project's own."""
    own, made = pages._ENVIRONMENT.loader, {}

    class Both(DictLoader):
        def get_source(self, environment, template):
            loader = super() if template in made else own
            return loader.get_source(environment, template)

    monkeypatch.setattr(pages._ENVIRONMENT, "loader", Both(made))
    return made


def in_page(body):
    return f'{{% extends "page.html" %}}{{% block body %}}{body}{{% endblock %}}'


def test_every_value_is_escaped_and_its_control_characters_are_visible(templates):
    templates["one.html"] = in_page('<p title="{{ text }}">{{ text }}</p>{{ texts | join("; ") }}')
    page = render_page("one.html", title=HOSTILE, text=HOSTILE, texts=[HOSTILE, HOSTILE])
    assert page.count(ESCAPED) == 6
    assert "<script" not in page
    page.encode()
    for macro in ("table", "paragraphs"):
        made = fragment("macros.html", macro, [HOSTILE], [[HOSTILE]])
        assert "<script" not in made
        assert ESCAPED in made


def test_a_value_that_is_not_there_is_no_empty_text(templates):
    templates["two.html"] = in_page("{{ found.rows }}")
    with pytest.raises(UndefinedError, match="rows"):
        render_page("two.html", title="a", found={})


def test_a_section_is_shown_or_left_out_or_missed(templates):
    templates["three.html"] = in_page(
        "{% for make in sections %}{% call(found) section(make) %}<p>{{ found }}{{ found.x }}</p>"
        "{% endcall %}{% endfor %}"
    )

    def breaks():
        raise OSError("no <font>")

    whole = render_page("three.html", title="a", sections=[lambda: {"x": 1}, lambda: None])
    assert whole.count("<p>") == 1
    assert "<p>{&#39;x&#39;: 1}1</p>" in whole
    with pytest.raises(UnfinishedPageError, match="lacks 2 sections: OSError: no <font>") as caught:
        render_page("three.html", title="a", sections=[breaks, lambda: {"x": 2}, lambda: {"y": 3}])
    page = caught.value.page
    assert "This section could not be made: OSError: no &lt;font&gt;." in page
    assert "2}2</p>" in page
    # A section whose template fails leaves none of its text.
    assert "&#39;y&#39;" not in page


def test_the_same_figure_is_the_same_text():
    def drawn():
        figure = Figure()
        figure.subplots().plot([1, 2])
        return figure_url(figure)

    assert isinstance(drawn(), Markup)
    assert drawn() == drawn()
    assert re.fullmatch(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", drawn())


def strings_of(path):
    """All strings of a file but the docstrings."""
    tree = ast.parse(path.read_text())
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    docs |= {
        statement.value
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def test_html_is_written_in_templates_alone():
    found = {
        str(path.relative_to(ROOT / "pipelines")): text
        for path in (ROOT / "pipelines").rglob("*.py")
        for text in strings_of(path)
        if TAG.search(text)
    }
    assert not found
