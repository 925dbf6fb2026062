"""Who may ask: tokens, and pages from elsewhere."""

import base64

import pytest
from websockets.exceptions import InvalidStatus

from pipelines.serve.traffic.guard import is_loopback
from tests.pipelines.serve.serving import serving

TOKEN = "0123456789abcdef"
QUESTION = {"text": "a fine film"}


@pytest.fixture(scope="module")
def locked(checkpoints):
    with serving(checkpoints / "sentiment.ckpt", token=TOKEN) as server:
        yield server


def test_a_token_opens(locked):
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        found = locked.answer(QUESTION, **given)
        assert (found.status, found.headers["www-authenticate"]) == (401, "Bearer")
        assert "token" in found.json["error"]
    assert locked.answer(QUESTION, Authorization=f"Bearer {TOKEN}").status == 200
    for path in ("/about", "/metrics", "/openapi.json"):
        assert locked.ask(path).status == 401
        assert locked.ask(path, Authorization=f"bearer {TOKEN}").status == 200
    # The page asks for the token, and holds nothing of the model.
    for path in ("/", "/api", "/page.js", "/style.css", "/health"):
        assert locked.ask(path).status == 200


def test_a_token_opens_the_stream(locked):
    coded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    wrong = base64.urlsafe_b64encode(b"wrong").decode().rstrip("=")
    for options in (
        {},
        {"additional_headers": {"Authorization": "Bearer wrong"}},
        {"subprotocols": ["manytoone", f"token.{wrong}"]},
        {"subprotocols": ["manytoone", "token.%"]},
    ):
        with pytest.raises(InvalidStatus), locked.stream(**options):
            pass
    for options in (
        {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"subprotocols": ["manytoone", f"token.{coded}"]},
    ):
        with locked.stream(**options) as stream:
            assert "classes" in stream.recv()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", ""]
)
def test_another_name_for_this_machine_is_refused(texts, host):
    """A page whose name points at 127.0.0.1 sends that name."""
    assert texts.answer(QUESTION, Host=host).status == 403
    assert texts.ask("/about", Host=host).status == 403
    if host.startswith("evil"):
        with pytest.raises(InvalidStatus):
            texts.stream(additional_headers={"Host": host}).close()


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine(texts, host):
    assert texts.answer(QUESTION, Host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://a@b", "http://["]
)
def test_pages_from_elsewhere_may_not_ask(texts, locked, origin):
    assert texts.answer(QUESTION, Origin=origin).status == 403
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert locked.answer(QUESTION, Origin=origin, **headers).status == 403
    with pytest.raises(InvalidStatus):
        texts.stream(origin=origin).close()


def test_the_own_page_may_ask(texts):
    origin = f"http://{texts.address}"
    assert texts.answer(QUESTION, Origin=origin).status == 200
    with texts.stream(origin=origin) as stream:
        stream.recv()


def test_browsers_may_load_nothing_from_elsewhere(texts):
    for path in ("/", "/api", "/about", "/nothing"):
        headers = texts.ask(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
    assert "content-security-policy" in texts.answer(QUESTION, Origin="null").headers


def test_loopback_names():
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.1.2.3", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "localhost.evil", ""]))
