"""CloudFront: a distribution's behaviours, its viewer-request function, and its origins."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Final

from prod_infra.local_aws.data_plane.balancer import Balancers
from prod_infra.local_aws.data_plane.buckets import Buckets, key_of
from prod_infra.local_aws.data_plane.certificates import covers
from prod_infra.local_aws.data_plane.http import Request, Response, text
from prod_infra.local_aws.data_plane.shape import Behaviour, Distribution, Origin, Topology

SECURITY_HEADERS: Final = {
    "67f7725c-6f97-4210-82d7-5512b31e9d03": {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-XSS-Protection": "1; mode=block",
    }
}
"""What a managed response headers policy adds (CloudFront guide, "Use managed response headers policies")."""


def _spa_fallback(path: str) -> str:
    """Do what `spa_fallback.js` does: a page's path is answered with the application itself."""
    return path if "." in path.rpartition("/")[2] else "/index.html"


FUNCTIONS: Final = {
    hashlib.sha256(files("prod_infra.edge").joinpath("spa_fallback.js").read_bytes()).hexdigest(): _spa_fallback
}
"""What is done for each viewer-request function, by the SHA-256 of its code: there is no JavaScript here."""


def _matches(pattern: str, path: str) -> bool:
    # CloudFront knows * and ? alone; fnmatch takes a bracket for more.
    return fnmatchcase(path.lstrip("/"), pattern.lstrip("/").replace("[", "[[]"))


def _error(status: int, words: str) -> Response:
    return text(status, f"{words}\n").with_headers(X_Cache="Error from cloudfront")


class CloudFront:
    """Answers as the distributions of a topology do.

    Args:
        balancers: load balancers that are origins.
        buckets: buckets that are.
    """

    def __init__(self, balancers: Balancers, buckets: Buckets) -> None:
        self._balancers = balancers
        self._buckets = buckets
        self._topology: Topology | None = None
        self._by_name: dict[str, Distribution] = {}

    def follow(self, topology: Topology) -> None:
        """Take over which distributions there are."""
        self._topology = topology
        self._by_name = {
            name: each for each in topology["distributions"] for name in (each["domain"], *each["aliases"])
        }

    def names(self, host: str) -> list[str] | None:
        """Return the names of the certificate that a host gets; None if no distribution has the host."""
        found = self._by_name.get(host)
        if found is None or self._topology is None:
            return None
        if host == found["domain"]:
            return [host]
        return self._topology["certificates"].get(found["certificate"], [])

    def has(self, host: str) -> bool:
        """Return whether a host is a distribution's name."""
        return host in self._by_name

    async def answer(self, request: Request) -> Response:
        """Answer for the distribution that has the request's host."""
        distribution = self._by_name[request.host]
        path = request.path
        behaviour = next(each for each in distribution["behaviours"] if _matches(each["pattern"], path))
        if request.scheme == "http" and behaviour["viewer_protocol"] == "redirect-to-https":
            query = f"?{request.query}" if request.query else ""
            location = f"https://{request.host}{path}{query}"
            return text(301, "Moved\n").with_headers(Location=location, X_Cache="Redirect from cloudfront")
        if request.scheme == "http" and behaviour["viewer_protocol"] == "https-only":
            return _error(403, "This distribution is configured to admit HTTPS only.")
        if request.method not in behaviour["methods"]:
            return _error(403, f"This distribution is not configured to allow the HTTP method {request.method}.")
        response = await self._ask(distribution, behaviour, request)
        added: dict[str, Any] = SECURITY_HEADERS.get(behaviour["headers_policy"], {})
        via = f"1.1 {distribution['domain']} (CloudFront)"
        # By default such a policy does not override what the origin says.
        kept = {"Via": via, "X-Cache": "Miss from cloudfront", **added, **response.headers}
        return replace(response, headers=kept)

    async def _ask(self, distribution: Distribution, behaviour: Behaviour, request: Request) -> Response:
        path = request.path
        if behaviour["function"]:
            if behaviour["function"] not in FUNCTIONS:
                return _error(503, "The data plane knows this function by its code alone, and the code is another one.")
            path = FUNCTIONS[behaviour["function"]](path)
        if path == "/" and distribution["default_root"]:
            path = f"/{distribution['default_root']}"
        request = replace(request, path=path)
        origin = distribution["origins"][behaviour["origin"]]
        if origin["bucket"]:
            return await self._from_bucket(distribution, origin, request)
        return await self._from_balancer(origin, request)

    async def _from_bucket(self, distribution: Distribution, origin: Origin, request: Request) -> Response:
        assert self._topology is not None  # noqa: S101  there is a distribution
        if request.method not in ("GET", "HEAD"):
            return _error(403, "S3 lets CloudFront read only.")
        policies = self._topology["buckets"]
        if origin["bucket"] not in policies:
            return _error(404, f"NoSuchBucket: {origin['bucket']}")
        found = await self._buckets.get(
            origin["bucket"],
            key_of((origin["path"], request.plain_path)),
            policies[origin["bucket"]],
            distribution["arn"],
            signed=origin["signed"],
        )
        if found.status == 200 and request.headers.get("if-none-match") == found.headers.get("ETag"):  # noqa: PLR2004
            return replace(found, status=304, body=b"")
        return found

    async def _from_balancer(self, origin: Origin, request: Request) -> Response:
        host, plain = origin["domain"], origin["protocol"] == "http-only"
        if origin["protocol"] == "match-viewer":
            plain = request.scheme == "http"
        port = origin["http_port"] if plain else origin["https_port"]
        names = self._balancers.names(host, port)
        if not self._balancers.has(host) or (names is None and not plain):
            return _error(502, f"CloudFront wasn't able to resolve or reach the origin {host}.")
        if names is not None and not covers(names, host):
            return _error(502, f"CloudFront wasn't able to connect to the origin: no certificate covers {host}.")
        added = {name.lower(): value for name, value in origin["headers"].items()}
        asked = replace(
            request,
            port=port,
            scheme="http" if plain else "https",
            host=host,
            path=f"{origin['path']}{request.path}",
            headers={**request.headers, "host": host, **added},
        )
        return await self._balancers.answer(asked)
