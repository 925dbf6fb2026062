"""The page and what belongs to it: made once at the start, so that no request opens a file."""

from pathlib import Path

from pipelines.pages.page import render_page, rendered

_STATIC = Path(__file__).with_name("static")
_PAGES = ("/", "/api")
_SCRIPTS = tuple(sorted(path.name for path in _STATIC.iterdir() if path.suffix == ".js"))
#: paths that need no token: they hold nothing of the model
OPEN_PATHS = frozenset(
    {*_PAGES, "/style.css", "/icon.svg", "/health", *(f"/{n}" for n in _SCRIPTS)}
)


def page_files(task: str) -> dict[str, tuple[bytes, str]]:
    """Content and media type of each path of the page."""
    html = "text/html; charset=utf-8"
    pages = {
        "/": (render_page("serve.html", title=f"Many to one: {task}"), html),
        "/api": (render_page("serve_api.html", title=f"Many to one: the API for {task}"), html),
        "/style.css": (rendered("style.css") + rendered("serve.css"), "text/css; charset=utf-8"),
        "/icon.svg": (rendered("icon.svg"), "image/svg+xml"),
    }
    for name in _SCRIPTS:
        content = (_STATIC / name).read_text(encoding="utf-8")
        pages[f"/{name}"] = (content, "text/javascript; charset=utf-8")
    return {path: (content.encode(), kind) for path, (content, kind) in pages.items()}
