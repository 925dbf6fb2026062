"""A question to an RTSP server before FFmpeg opens it: FFmpeg cannot be told not to follow a redirect.

The question is DESCRIBE (RFC 2326, 10.2), with the name and password of the URL where the server asks
for them (RFC 2617). It tells what the server answers now. A server that answers one question so and
the next one otherwise is not found out.
"""

import hashlib
import re
import socket
import ssl
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from data.decoding.opening import UnreadableError
from data.streams.address import without_password
from data.streams.http_body import why_unreached

_PORTS = {"rtsp": 554, "rtsps": 322}
_MOST_BYTES = 2**16


def refuse_redirect(url: str, *, timeout_seconds: float) -> None:
    """Ask a server for the description of a stream.

    Raises:
        UnreadableError: the server cannot be reached, or redirects elsewhere. The place that it names
            is told, and not asked.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    plain += f"?{parts.query}" if parts.query else ""
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            if parts.scheme == "rtsps":
                # As FFmpeg does: cameras sign their certificates themselves.
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(connection, server_hostname=host)
            status, headers = _asked(connection, plain, number=1)
            if status == 401 and parts.username is not None:
                said = _authorization(
                    headers.get("www-authenticate", ""),
                    unquote(parts.username),
                    unquote(parts.password or ""),
                    plain,
                )
                status, headers = _asked(connection, plain, number=2, authorization=said)
    except (OSError, ValueError) as error:
        raise UnreadableError(why_unreached(error, timeout_seconds)) from error
    if 300 <= status < 400:
        place = without_password(headers.get("location", "nowhere"))
        raise UnreadableError(
            f"redirects to {place} ({status}), which is not followed; name that as SOURCE if you mean"
            " it"
        )


def _asked(
    connection: socket.socket, url: str, *, number: int, authorization: str | None = None
) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer."""
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    connection.sendall("\r\n".join([*lines, "User-Agent: manytoone", "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        some = connection.recv(4096)
        if not some or len(answer) > _MOST_BYTES:
            raise UnreadableError("does not answer as an RTSP server; change the address")
        answer += some
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode(errors="replace").split("\r\n")
    found = re.match(r"RTSP/\d\.\d (\d{3})", first)
    if not found:
        raise UnreadableError("does not answer as an RTSP server; change the address")
    headers: dict[str, str] = {}
    for line in rest:
        key, _, value = line.partition(":")
        # A server may offer several ways to authorise: the last is the strongest by custom.
        headers[key.strip().lower()] = value.strip()
    missing = int(headers.get("content-length", "0")) - len(body)
    while missing > 0 and (some := connection.recv(min(missing, 4096))):
        missing -= len(some)
    return int(found[1]), headers


def _authorization(challenge: str, user: str, password: str, url: str) -> str:
    """The header's value, by the way that the challenge asks for."""
    if not challenge.lower().startswith("digest"):
        return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
    answer = _md5(f"{_md5(f'{user}:{realm}:{password}')}:{nonce}:{_md5(f'DESCRIBE:{url}')}")
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}",'
        f' response="{answer}"'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
