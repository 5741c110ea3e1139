"""The application load balancer: listeners, rules, weights, and targets by their health and zone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from prod_infra.local_aws.data_plane.certificates import covers
from prod_infra.local_aws.data_plane.conditions import holds
from prod_infra.local_aws.data_plane.http import Request, Response, text
from prod_infra.local_aws.data_plane.shape import Balancer, Listener, Target, TargetGroup, Topology
from prod_infra.local_aws.data_plane.tasks import Tasks

CONNECT_SECONDS: Final = 10.0
"""AWS's seconds after which a target that is not there becomes a 504 (ALB guide, "HTTP 504: Gateway timeout")."""

HTTPS: Final = 443
REASONS: Final = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
    501: "501 Not Implemented",
}


def _own(status: int) -> Response:
    """Return an answer of the load balancer itself."""
    words = f"<html><body><center><h1>{REASONS[status]}</h1></center></body></html>\n"
    return text(status, words, "text/html").with_headers(Server="awselb/2.0")


def _weights(action: Mapping[str, Any]) -> dict[str, int]:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    if groups:
        return {each["TargetGroupArn"]: int(each.get("Weight", 1)) for each in groups}
    return {action["TargetGroupArn"]: 1}


def _redirect(config: Mapping[str, str], request: Request) -> Response:
    parts = {"protocol": request.scheme, "host": request.host, "port": str(request.port)}
    parts |= {"path": request.path.lstrip("/"), "query": request.query}
    template = "{Protocol}://{Host}:{Port}{Path}".format(
        Protocol=config.get("Protocol", "#{protocol}").lower(),
        Host=config.get("Host", "#{host}"),
        Port=config.get("Port", "#{port}"),
        Path=config.get("Path", "/#{path}"),
    )
    query = config.get("Query", "#{query}")
    location = template + (f"?{query}" if query != "#{query}" or request.query else "")
    for name, value in parts.items():
        location = location.replace(f"#{{{name}}}", value)
    status = int(config["StatusCode"].removeprefix("HTTP_"))
    return text(status, "").with_headers(Location=location, Server="awselb/2.0")


@dataclass
class Balancers:
    """Answers as the load balancers of a topology do. WAF and security groups are not played.

    Attributes:
        tasks: what is behind the targets.
    """

    tasks: Tasks
    _topology: Topology | None = None
    _by_name: dict[str, Balancer] = field(default_factory=dict)
    _turns: count[int] = field(default_factory=count)

    def follow(self, topology: Topology) -> None:
        """Take over which load balancers there are, and the names that lead to them."""
        self._topology = topology
        own = {each["dns_name"]: each for each in topology["balancers"]}
        others = {name: own[to] for name, to in topology["names"].items() if to in own}
        self._by_name = others | own

    def has(self, host: str) -> bool:
        """Return whether a host leads to a load balancer."""
        return host in self._by_name

    def test_port(self, host: str) -> int | None:
        """Return the lowest port of an HTTPS listener besides 443: the test listener's; None if there is none."""
        listeners = self._by_name[host]["listeners"] if host in self._by_name else []
        ports = [each["port"] for each in listeners if each["protocol"] == "HTTPS" and each["port"] != HTTPS]
        return min(ports, default=None)

    def names(self, host: str, port: int) -> list[str] | None:
        """Return the names of the certificate that a host gets at a port; None if nothing there speaks TLS."""
        listener = self._listener(host, port)
        if listener is None or self._topology is None or listener["protocol"] != "HTTPS":
            return None
        known = self._topology["certificates"]
        offered = [known[arn] for arn in listener["certificates"] if arn in known]
        return next((names for names in offered if covers(names, host)), offered[0] if offered else None)

    def _listener(self, host: str, port: int) -> Listener | None:
        found = self._by_name.get(host)
        return next((each for each in found["listeners"] if each["port"] == port), None) if found else None

    async def answer(self, request: Request) -> Response:
        """Answer at the load balancer that has the request's host, by the listener at the request's port."""
        listener = self._listener(request.host, request.port)
        if listener is None:
            return text(504, f"no listener of {request.host} is at port {request.port}\n")
        rule = next(
            each for each in listener["rules"] if all(holds(condition, request) for condition in each["conditions"])
        )
        for action in sorted(rule["actions"], key=lambda each: int(each.get("Order") or 0)):
            match action["Type"]:
                case "fixed-response":
                    config = action["FixedResponseConfig"]
                    content_type = config.get("ContentType") or "text/plain"
                    return text(int(config["StatusCode"]), config.get("MessageBody") or "", content_type).with_headers(
                        Server="awselb/2.0"
                    )
                case "redirect":
                    return _redirect(action["RedirectConfig"], request)
                case "forward":
                    return await self._forward(self._by_name[request.host], _weights(action), request)
        return _own(501)

    async def _forward(self, balancer: Balancer, weights: Mapping[str, int], request: Request) -> Response:
        assert self._topology is not None  # noqa: S101  there is a load balancer
        lost = self._topology["lost_zones"]
        # A name server leaves out the nodes of a zone that traffic is shifted away from; clients give up lost ones.
        nodes = [zone for zone in balancer["zones"] if zone != balancer["away"] and zone not in lost]
        chosen = [arn for arn in weights if weights[arn] > 0 and arn in self._topology["target_groups"]]
        if not nodes or not chosen:
            return _own(503)
        [arn] = random.choices(chosen, [weights[each] for each in chosen])  # noqa: S311  no secret
        turn = next(self._turns)
        node = nodes[turn % len(nodes)]
        targets = self._targets(self._topology["target_groups"][arn], node, balancer["away"])
        if not targets:
            return _own(503)
        # Not the same turn as the node's: with as many nodes as targets each node would know one target alone.
        ip = targets[turn // len(nodes) % len(targets)]["ip"]
        task = self.tasks.at(ip)
        if task is None or task.az in lost:
            await asyncio.sleep(CONNECT_SECONDS / self._topology["factor"])
            return _own(504)
        return await task.answer(request) or _own(502)

    def _targets(self, group: TargetGroup, node: str, away: str | None) -> Sequence[Target]:
        """Return who may get a request: the healthy, or, if there are none, the unhealthy (ALB "fails open")."""
        found: dict[str, list[Target]] = {"healthy": [], "unhealthy": []}
        for target in group["targets"]:
            task = self.tasks.at(target["ip"])
            zone = task.az if task else node
            if target["state"] in found and zone != away and (group["cross_zone"] or zone == node):
                found[target["state"]].append(target)
        return found["healthy"] or found["unhealthy"]
