"""boto3 clients that can reach only a local AWS."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from prod_infra.errors import TargetError

_NO_PROFILE: Final[dict[str, Any]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore's session variables, as (name in the file, environment variable, default, conversion): the user's
AWS_PROFILE and ~/.aws have no say here, and a profile that does not exist is no error."""


def require_loopback(endpoint: str) -> str:
    """Return the endpoint if it is an http(s) URL of this machine, and refuse it otherwise.

    Raises:
        TargetError: the host is neither `localhost` nor a loopback address.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme not in {"http", "https"} or not loopback:
        raise TargetError(
            f"{endpoint!r} is not an endpoint on this machine, and target local may touch nothing else.",
            hint="give the endpoint that `prod-infra local-aws` printed, such as http://127.0.0.1:5000",
        )
    return endpoint


def _note_service(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Write the service's name into an answer, for a ClientError does not say whose operation failed."""
    parsed.setdefault("ResponseMetadata", {})["Service"] = model.service_model.service_name


class Clients:
    """Clients for one local AWS, made once for each service and region, with made-up credentials.

    Args:
        endpoint: URL of the local AWS, on loopback.
        region: default region, such as `eu-central-1`.

    Raises:
        TargetError: the endpoint is off loopback.
    """

    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint = require_loopback(endpoint)
        self.region = region
        self._made: dict[tuple[str, str], Any] = {}
        # boto3 sessions are not thread-safe; clients are.
        self._lock = threading.Lock()
        # Typed stubs know each service by its name; here the name is a variable.
        self._session: Any = boto3.Session(
            botocore_session=botocore.session.Session(session_vars=_NO_PROFILE),
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106  made up on purpose: no real account can accept it
            region_name=region,
        )

    @cached_property
    def identity(self) -> dict[str, str]:
        """Who the credentials are, by STS: `Account`, `Arn`, `UserId`. Asked once, for each component wants to know."""
        answer = self("sts").get_caller_identity()
        return {key: answer[key] for key in ("Account", "Arn", "UserId")}

    def __call__(self, service: str, region: str | None = None) -> Any:
        """Return the client for a service, in the given region or the default one."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._made:
                client = self._session.client(
                    service,
                    region_name=key[1],
                    endpoint_url=self.endpoint,
                    config=Config(
                        retries={"mode": "standard", "max_attempts": 10},
                        s3={"addressing_style": "path"},
                        # A proxy set in the environment must never see this traffic.
                        proxies={},
                    ),
                )
                client.meta.events.register("after-call", _note_service)
                self._made[key] = client
            return self._made[key]
