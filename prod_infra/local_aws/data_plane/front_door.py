"""The door: which certificate a name gets, and who answers for it."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from typing import Final

from prod_infra.local_aws.data_plane.balancer import HTTPS, Balancers
from prod_infra.local_aws.data_plane.buckets import Buckets
from prod_infra.local_aws.data_plane.certificates import Authority, covers, server_context
from prod_infra.local_aws.data_plane.cloudfront import CloudFront
from prod_infra.local_aws.data_plane.control_plane import ControlPlane
from prod_infra.local_aws.data_plane.database import Databases
from prod_infra.local_aws.data_plane.http import Request, Response, text
from prod_infra.local_aws.data_plane.shape import Topology
from prod_infra.local_aws.data_plane.tasks import Tasks

ADMIN: Final = "/_data_plane/"
TEST: Final = 0
"""Stands for the port of the test listener, whichever it is."""


class FrontDoor:
    """Takes requests from all ports.

    Args:
        control_plane: the local AWS.
        authority: issues the certificates.
    """

    def __init__(self, control_plane: ControlPlane, authority: Authority) -> None:
        self._authority = authority
        self._databases = Databases()
        self._tasks = Tasks(control_plane, self._databases)
        self._balancers = Balancers(self._tasks)
        self._cloudfront = CloudFront(self._balancers, Buckets(control_plane.clients))

    def follow(self, topology: Topology) -> None:
        """Take over a new topology."""
        self._databases.follow(topology)
        self._tasks.follow(topology)
        self._balancers.follow(topology)
        self._cloudfront.follow(topology)

    def context(self, port: int) -> ssl.SSLContext:
        """Return the TLS context of a port: each connection gets the certificate of the name that it asks for."""

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            names = self._names((name or "").lower(), port)
            if not names:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = self._authority.context(tuple(names))
            return None

        context = server_context()
        context.sni_callback = choose
        return context

    def _names(self, host: str, port: int) -> list[str] | None:
        if port == HTTPS and self._cloudfront.has(host):
            names = self._cloudfront.names(host) or []
            return names if covers(names, host) else None
        # A load balancer shows its default certificate to whoever asks for another name: the client refuses it.
        return self._balancers.names(host, self._port(host, port))

    def _port(self, host: str, port: int) -> int:
        return (self._balancers.test_port(host) or TEST) if port == TEST else port

    async def answer(self, request: Request) -> Response:
        """Answer a request of a viewer, or, without TLS, of a rehearsal."""
        if request.scheme == "http" and request.path.startswith(ADMIN):
            return self._admin(request)
        if request.port != TEST and self._cloudfront.has(request.host):
            return await self._cloudfront.answer(request)
        if self._balancers.has(request.host):
            return await self._balancers.answer(replace(request, port=self._port(request.host, request.port)))
        return text(403, f"nothing of AWS here is named {request.host}\n")

    def _admin(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(ADMIN):
            case "GET", "log":
                found = self._databases.log(request.parameters.get("run"))
                return text(200, json.dumps({"writes": found}), "application/json")
            case _:
                return text(404, json.dumps({"known": [f"GET {ADMIN}log?run="]}), "application/json")
