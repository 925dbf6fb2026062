"""Addresses of streams: what a person may name, and what kind of source it is."""

import os
import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from data.files.errors import InputError

SourceKind = Literal["file", "pipe", "camera", "rtsp", "http"]
STANDARD_INPUT = "-"
_SCHEMES: dict[str, SourceKind] = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "http": "http",
    "https": "http",
}
_ALLOWED = "a file, camera:0, rtsp://…, rtsps://…, http://…, https://… or - (standard input)"


class Address(NamedTuple):
    """A source that a person named."""

    kind: SourceKind
    target: str
    """The path, the device or the URL."""
    name: str
    """Name of the source in errors, without a password."""

    @property
    def is_url(self) -> bool:
        """Whether it is reached over a network."""
        return self.kind in ("rtsp", "http")


def address_of(source: str) -> Address:
    """Tell the kind of a source.

    Raises:
        InputError: a URL of another protocol, a URL without a host, a camera without a number.
    """
    name = f"SOURCE={source}"
    if source == STANDARD_INPUT:
        return Address("pipe", source, name)
    if os.path.lexists(source):
        return Address("file", source, name)
    if source.startswith("camera:"):
        number = source.removeprefix("camera:")
        if not re.fullmatch(r"[0-9]{1,3}", number):
            raise InputError(f"{name}: a camera has a number, e.g. camera:0 for /dev/video0")
        return Address("camera", f"/dev/video{int(number)}", name)
    if found := re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", source):
        return _url(source, found[1].lower())
    return Address("file", source, name)


def _url(source: str, scheme: str) -> Address:
    name = f"SOURCE={without_password(source)}"
    if scheme not in _SCHEMES:
        raise InputError(f"{name}: {scheme}:// is not read; give {_ALLOWED}")
    try:
        parts = urlsplit(source)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host or re.search(r"[\x00-\x20\x7f]", source):
        raise InputError(f"{name}: is no address of a server; write it as {scheme}://host/path")
    return Address(_SCHEMES[scheme], source, name)


def without_password(url: str) -> str:
    """The URL without the password in it."""
    return re.sub(r"^([^/:]+://[^/@:]*):[^/@]*@", r"\1:…@", url)
