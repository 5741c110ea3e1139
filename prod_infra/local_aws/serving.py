"""The HTTP side of the local AWS: connections are kept open and answered by threads."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from prod_infra.local_aws.application import LocalAwsApplication


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]  # moto has no type information
    """One connection; HTTP/1.1 keeps it open between calls."""

    # werkzeug writes head and body apart; Nagle would hold the second back for 40 ms on a connection kept open.
    disable_nagle_algorithm = True
    verbose = False

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  werkzeug's name
        """Write a line to stderr if calls are to be seen."""
        if self.verbose:
            super().log(type, message, *args)


def serve(
    listener: socket.socket,
    *,
    hosted_zones: tuple[str, ...],
    clock_factor: float,
    ready: Callable[[str, str], None],
    until_stdin_closes: bool,
    verbose: bool,
) -> None:
    """Serve until SIGTERM, Ctrl-C, `POST /_prod_infra/stop` or, if asked, the end of stdin.

    Args:
        listener: a bound TCP socket on loopback.
        hosted_zones: domain names of the public hosted zones that exist from the start.
        clock_factor: AWS's seconds in one second here.
        ready: called once with the endpoint's URL and the instance's UUID, when calls are answered.
        until_stdin_closes: stop when stdin ends, as a pipe does with the process that holds its other end.
        verbose: log each call to stderr.
    """

    def stop(*_: object) -> None:
        # shutdown() waits for serve_forever, which may run in the very thread that a signal interrupts.
        threading.Thread(target=server.shutdown).start()

    def stop_after_stdin() -> None:
        sys.stdin.buffer.read()
        stop()

    application = LocalAwsApplication(hosted_zones, clock_factor, stop)
    # moto's modules stay to the end: no need to walk them again and again for garbage.
    gc.freeze()
    RequestHandler.verbose = verbose
    host, port = listener.getsockname()
    server = make_server(host, port, application, threaded=True, request_handler=RequestHandler, fd=listener.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if until_stdin_closes:
        threading.Thread(target=stop_after_stdin, daemon=True).start()
    ready(f"http://{host}:{port}", application.instance)
    server.serve_forever(poll_interval=0.05)
    # Taking moto's modules down in order lasts a second, and there is nothing to save.
    os._exit(0)
