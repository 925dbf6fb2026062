"""The serve command: a saved model behind a page and an API, ``make serve CKPT=… [PORT=8000]``."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import torch

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.extras import require_extra
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.serve.traffic.limits import Limits, check_limits
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.kinds import KINDS, kind_of

#: variable of the environment that the token may stand in, where lists of processes do not show it
TOKEN_VARIABLE = "MANYTOONE_TOKEN"
_LEAST_TOKEN = 16
_HELP = {
    "max_megabytes": "size of a body",
    "max_characters": "length of a text",
    "max_texts": "texts in a request",
    "max_frames": "frames of a clip",
    "limit_seconds": "time of a request, and of decoding a file",
    "queue": "requests that are taken at once; the next one is refused",
    "batch": "items that are answered together",
    "streams": "open streams",
    "stream_steps": "steps that a stream keeps; of a longer one it reads the last so many",
}


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.serve --ckpt=… [--port=8000]``; exit code 2: an option cannot be used."""
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        _check(options)
        _serve(options)


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "serve",
        COMMANDS["serve"].help,
        epilog="Ctrl-C ends it. Nothing is kept on disk, and no path in a request is opened.",
    )
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    parser.add_argument(
        "--host", type=str, default="127.0.0.1", help="address to listen on; another needs --token"
    )
    parser.add_argument(
        "--token",
        type=str | None,
        default=None,
        help=f"what requests must bring: Authorization: Bearer …; or set {TOKEN_VARIABLE}",
    )
    parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="cpu, cuda:0; by itself a GPU if there is one",
    )
    for name, value in Limits()._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=_HELP[name])
    return parse(parser, args)


def _check(options: Any) -> None:
    """Raise for wrong options that can be detected without the checkpoint."""
    if not options.ckpt:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/video/latest/checkpoints/best.ckpt"
        )
    require_extra("serve", "fastapi", "uvicorn", "websockets", "python_multipart")
    if not 0 <= options.port < 2**16:
        raise InputError(f"PORT={options.port}: from 0 (any that is free) to {2**16 - 1}")
    check_limits(_limits(options))
    _check_device(options.device)
    options.token = options.token or os.environ.get(TOKEN_VARIABLE) or None
    if options.token is None:
        from pipelines.serve.traffic.guard import is_loopback

        if not is_loopback(options.host):
            raise InputError(
                f"--host={options.host}: others could ask; add --token=… of at least {_LEAST_TOKEN}"
                " signs, or listen on 127.0.0.1"
            )
    elif len(options.token) < _LEAST_TOKEN or not _is_sendable(options.token):
        raise InputError(
            f"--token: at least {_LEAST_TOKEN} ASCII signs without spaces are needed, e.g. those of"
            " openssl rand -hex 16"
        )


def _check_device(device: str | None) -> None:
    if device is None:
        return
    try:
        torch.empty(1, device=device)
    # PyTorch raises any of these for a name or a number that it does not have.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"--device={device}: there is none; give cpu, or cuda:0 where there is a GPU"
        ) from error


def _is_sendable(token: str) -> bool:
    return all("!" <= sign <= "~" for sign in token)


def _limits(options: Any) -> Limits:
    return Limits(*(options[name] for name in Limits._fields))


def _serve(options: Any) -> None:
    import uvicorn

    from pipelines.runs.model_facts import facts_of
    from pipelines.serve.app import create_app

    saved, limits = read_saved(options.ckpt), _limits(options)
    make_served = kind_of(saved.description["task"]).make_served
    where = f"CKPT={options.ckpt}"
    if make_served is None:
        able = ", ".join(name for name, kind in KINDS.items() if kind.served_by is not None)
        raise InputError(
            f"{where}: is a model for {saved.description['task']}, which the page does not show; give"
            f" one for {able}"
        )
    # Before the model: a port that is taken costs no time.
    with _listening(options.host, options.port) as listening:
        prepare_processor()
        served = make_served(
            saved, where=where, trust=options.trust, device=options.device, limits=limits
        )
        about = facts_of(saved, Path(options.ckpt))
        app = create_app(served, limits, about=about, token=options.token)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            ws="websockets-sansio",
            ws_max_size=2**21,
            ws_max_queue=4,
            limit_concurrency=8 * limits.queue + limits.streams,
            timeout_graceful_shutdown=5,
            server_header=False,
            proxy_headers=False,
        )
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(
            f"http://{host}:{listening.getsockname()[1]}/ answers for {options.ckpt}; Ctrl-C ends it",
            flush=True,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Open the socket.

    Raises:
        InputError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        # A reader of the address may ask at once.
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise InputError(
            f"PORT={port}: cannot listen on {host} ({error.strerror or error}); give another PORT, or"
            " another --host"
        ) from error
    return opened
