"""What the local AWS serves: moto's WSGI application, the extensions, and a few paths of its own."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from typing import Any
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

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        # Read before the lock is taken: a slow sender must hold up nobody else.
        environ["wsgi.input"] = io.BytesIO(_body(environ))
        path = environ.get("PATH_INFO", "")
        with self._lock:
            if path.startswith("/_prod_infra/"):
                return self._own(f"{environ['REQUEST_METHOD']} {path}", start_response)
            try:
                # A streamed answer is read to its end while the data it tells of can't change.
                return [b"".join(self._moto(environ, start_response))]
            except Exception as error:  # noqa: BLE001  whatever moto lets through must reach the client
                traceback.print_exc(file=sys.stderr)
                content_type, body = faults.body(environ, error)
                start_response(faults.STATUS, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
                return [body]

    def _own(self, call: str, start_response: StartResponse) -> Iterable[bytes]:
        status = "200 OK"
        answer: dict[str, Any] = {"instance": self.instance}
        match call:
            case "GET /_prod_infra/health":
                answer |= {"pid": os.getpid(), "version": version("prod-infra")}
            case "POST /_prod_infra/reset":
                BackendDict.reset()
                reset_model_data()
                hosted_zones.seed(self._zones)
            case "POST /_prod_infra/stop":
                threading.Thread(target=self._stop).start()
            case _:
                status, answer = "404 NOT FOUND", {"message": f"{call} is unknown"}
        body = json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _body(environ: WSGIEnvironment) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))
