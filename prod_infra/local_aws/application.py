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
    arc_zonal_shift,
    autoscaling,
    calls,
    ec2,
    elbv2,
    failures,
    hosted_zones,
    iam,
    kms,
    logs,
    s3,
    secrets_manager,
    topology,
    wafv2,
)
from prod_infra.local_aws.cloudfront import distributions as cloudfront
from prod_infra.local_aws.cloudfront import functions as cloudfront_functions
from prod_infra.local_aws.cloudwatch import alarms as cloudwatch
from prod_infra.local_aws.code_deploy import applications as code_deploy
from prod_infra.local_aws.docdb import engine as docdb
from prod_infra.local_aws.docdb import groups as docdb_groups
from prod_infra.local_aws.ecs import services as ecs
from prod_infra.local_aws.faults import faulty_calls, lost_zones
from prod_infra.local_aws.refusals import balancing as refusals_balancing
from prod_infra.local_aws.refusals import checks as refusals
from prod_infra.local_aws.refusals import data as refusals_data
from prod_infra.local_aws.refusals import network as refusals_network
from prod_infra.local_aws.refusals import roles as refusals_roles
from prod_infra.local_aws.refusals import tags as refusals_tags
from prod_infra.local_aws.timeline import TICK_SECONDS, TIMELINE

EXTENSIONS: tuple[Callable[[], None], ...] = (
    acm.register,
    autoscaling.register,
    cloudfront.register,
    cloudfront_functions.register,
    cloudwatch.register,
    code_deploy.register,
    docdb.register,
    docdb_groups.register,
    ec2.register,
    ecs.register,
    elbv2.register,
    iam.register,
    kms.register,
    logs.register,
    lost_zones.register,
    refusals_balancing.register,
    refusals_data.register,
    refusals_network.register,
    refusals_roles.register,
    refusals_tags.register,
    s3.register,
    secrets_manager.register,
    topology.register,
    wafv2.register,
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
        clock_factor: AWS's seconds in one second here, from the start and after every reset.
        stop: called, in a thread of its own, when a client asks the server to stop.
    """

    def __init__(self, zones: tuple[str, ...], clock_factor: float, stop: Callable[[], None]) -> None:
        # moto lists a class's methods anew for each call, which takes as long as the call itself.
        responses.method_names_from_class = lru_cache(maxsize=None)(responses.method_names_from_class)
        for register in EXTENSIONS:
            register()
        self.instance = str(uuid.uuid4())
        self._zones = zones
        self._clock_factor = TIMELINE.factor = clock_factor
        self._stop = stop
        self._moto = Dispatcher(create_backend_app)
        self._lock = threading.RLock()
        hosted_zones.seed(zones)
        threading.Thread(target=self._tick, daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        # Read before the lock is taken: a slow sender must hold up nobody else.
        environ["wsgi.input"] = io.BytesIO(_body(environ))
        if environ.get("PATH_INFO", "").startswith("/_prod_infra/"):
            with self._lock:
                TIMELINE.run_due()
                return self._own(environ, start_response)
        with self._lock:
            TIMELINE.run_due()
            effect = faulty_calls.effect(environ)
        # Outside the lock: a slow call must hold up nobody else.
        if effect and (body := faulty_calls.carry_out(effect, environ, start_response)) is not None:
            return [body]
        with self._lock:
            TIMELINE.run_due()
            try:
                if refusal := refusals.refusal(environ):
                    return [refusal.call.answer(refusal.error, start_response)]
                if calls.signed_for(environ)[1] == arc_zonal_shift.SERVICE:
                    return [arc_zonal_shift.answer(environ, start_response)]
                # A streamed answer is read to its end while the data it tells of can't change.
                return [b"".join(self._moto(environ, start_response))]
            except Exception as error:  # noqa: BLE001  whatever moto lets through must reach the client
                traceback.print_exc(file=sys.stderr)
                content_type, body = failures.body(environ, error)
                start_response(failures.STATUS, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
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
        TIMELINE.factor = self._clock_factor
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
    return {"factor": TIMELINE.factor}


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
