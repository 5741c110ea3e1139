"""What the local AWS serves: moto's WSGI application, the extensions, and a few paths of its own."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

# moto reads its settings from the environment when it is imported, so they come first.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # no page in a browser has business here
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # no part of the environment boots from an image
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from prod_infra.local_aws import (
    acm,
    admin,
    autoscaling,
    cloudfront,
    cloudfront_functions,
    code_deploy,
    docdb,
    docdb_groups,
    ec2,
    ecs,
    faults,
    hosted_zones,
    iam,
    logs,
    s3,
    secrets_manager,
)
from prod_infra.local_aws.timeline import TICK_SECONDS, TIMELINE

EXTENSIONS: tuple[Callable[[], None], ...] = (
    acm.register,
    autoscaling.register,
    cloudfront.register,
    cloudfront_functions.register,
    code_deploy.register,
    docdb.register,
    docdb_groups.register,
    ec2.register,
    ecs.register,
    iam.register,
    logs.register,
    s3.register,
    secrets_manager.register,
)
"""Each adds to moto, in this process, what its module's docstring names."""


class Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]  # moto has no type information
    """moto's dispatcher; it remembers which backend answers a host instead of trying some 200 patterns a call."""

    @lru_cache(maxsize=512)  # noqa: B019  one dispatcher lives as long as its process
    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of moto's backend for a host, or None."""
        return super().get_backend_for_host(host)


class LocalAwsApplication:
    """The whole local AWS as one WSGI application. Calls are served one at a time: moto's backends share their data.

    Args:
        zones: names of the public hosted zones that exist from the start and after every reset.
        stop: called, in a thread of its own, when a client asks the server to stop.
    """

    def __init__(self, zones: tuple[str, ...], stop: Callable[[], None]) -> None:
        # moto lists a class's methods anew for each call, which takes as long as the call itself.
        responses.method_names_from_class = lru_cache(maxsize=None)(responses.method_names_from_class)
        for register in EXTENSIONS:
            register()
        self.instance = str(uuid.uuid4())
        self._zones = zones
        self._stop = stop
        self._moto = Dispatcher(create_backend_app)
        self._lock = threading.RLock()
        hosted_zones.seed(zones)
        threading.Thread(target=self._tick, daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        # Read before the lock is taken: a slow sender must hold up nobody else.
        environ["wsgi.input"] = io.BytesIO(_body(environ))
        path = environ.get("PATH_INFO", "")
        with self._lock:
            TIMELINE.run_due()
            if path.startswith("/_prod_infra/"):
                return self._own(environ, start_response)
            try:
                # A streamed answer is read to its end while the data it tells of can't change.
                return [b"".join(self._moto(environ, start_response))]
            except Exception as error:  # noqa: BLE001  whatever moto lets through must reach the client
                traceback.print_exc(file=sys.stderr)
                content_type, body = faults.body(environ, error)
                start_response(faults.STATUS, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
                return [body]

    def _tick(self) -> None:
        """Let time pass while nobody calls."""
        while True:
            time.sleep(TICK_SECONDS)
            if TIMELINE.is_due:
                with self._lock:
                    TIMELINE.run_due()

    def _own(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix('/_prod_infra')}"
        status, answer = "200 OK", {}
        try:
            match call:
                case "GET /health":
                    answer = {"instance": self.instance, "pid": os.getpid(), "version": version("prod-infra")}
                case "POST /reset":
                    self._reset()
                    answer = {"instance": self.instance}
                case "POST /stop":
                    threading.Thread(target=self._stop).start()
                    answer = {"instance": self.instance}
                case _ if call in admin.ROUTES:
                    answer = admin.ROUTES[call](_given(environ))
                case _:
                    status, answer = "404 NOT FOUND", {"message": f"{call} is unknown", "known": sorted(admin.ROUTES)}
        except admin.AdminError as error:
            status, answer = "400 BAD REQUEST", {"message": str(error)}
        body = json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _reset(self) -> None:
        TIMELINE.clear()
        for forget in admin.ON_RESET:
            forget()
        BackendDict.reset()
        reset_model_data()
        hosted_zones.seed(self._zones)


@admin.route("GET /clock")
def _clock(_: Mapping[str, Any]) -> dict[str, float]:
    return {"factor": TIMELINE.factor}


@admin.route("POST /clock")
def _set_clock(given: Mapping[str, Any]) -> dict[str, float]:
    factor = given.get("factor")
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not factor > 0:
        raise admin.AdminError(f"factor is AWS's seconds in one second here, a number over 0; {factor!r} is none")
    TIMELINE.factor = float(factor)
    return _clock({})


def _given(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return the query's parameters and the members of the JSON body.

    Raises:
        AdminError: the body is no JSON object.
    """
    given: dict[str, Any] = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if body := environ["wsgi.input"].read():
        try:
            members = json.loads(body)
        except ValueError as error:
            raise admin.AdminError(f"the body is no JSON: {error}") from error
        if not isinstance(members, dict):
            raise admin.AdminError("the body is a JSON object")
        given |= members
    return given


def _body(environ: WSGIEnvironment) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))
