"""`python -m prod_infra.local_aws [--port N] [--clock-factor N]` serves a local AWS until Ctrl-C or SIGTERM.

The first line on stdout is a JSON object: `endpoint`, `instance` and `pid`, or `error` and `hint`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
from collections.abc import Sequence
from typing import NoReturn

HOST = "127.0.0.1"


def _factor(text: str) -> float:
    factor = float(text)
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not over 0")
    return factor


def _fail(message: str, hint: str) -> NoReturn:
    print(json.dumps({"error": message, "hint": hint}), flush=True)
    raise SystemExit(1)


def _ready(endpoint: str, instance: str) -> None:
    print(json.dumps({"endpoint": endpoint, "instance": instance, "pid": os.getpid()}), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m prod_infra.local_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, is any free one")
    parser.add_argument(
        "--hosted-zone",
        action="append",
        metavar="DOMAIN",
        help="public hosted zone that exists from the start; repeatable; default example.com",
    )
    parser.add_argument(
        "--clock-factor",
        type=_factor,
        default=60.0,
        metavar="N",
        help="AWS's seconds in one second here, where the local AWS goes on by itself; default 60",
    )
    parser.add_argument("--verbose", action="store_true", help="log every call to stderr")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the process that started it ends")
    options = parser.parse_args(arguments)
    # This process must hold no real credentials and follow no profile, endpoint or proxy of the user's.
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        del os.environ[name]
    try:
        listener = socket.create_server((HOST, options.port), backlog=128)
    except (OSError, OverflowError) as error:
        _fail(
            f"the local AWS can't listen on {HOST}:{options.port}: {error}",
            "choose another port, or 0 for any free one",
        )
    # Only now: importing moto takes two seconds, and a port in use should be said at once.
    try:
        from prod_infra.local_aws.serving import serve  # noqa: PLC0415
    except ImportError as error:
        _fail(f"the local AWS needs the `local` extra: {error}", "pip install 'prod-infra[local]'")
    serve(
        listener,
        hosted_zones=tuple(options.hosted_zone or ("example.com",)),
        clock_factor=options.clock_factor,
        ready=_ready,
        until_stdin_closes=options.until_stdin_closes,
        verbose=options.verbose,
    )


if __name__ == "__main__":
    main()
