"""What a runbook knows of its target: clients, who asks, and the environment's front door."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.targets import LocalTarget

if TYPE_CHECKING:
    from prod_infra.deployment.account.aws_target import AwsTarget

LOCAL_POLL_SECONDS: Final = 0.2
"""Between two looks at a local AWS, whose clock runs fast."""

AWS_POLL_SECONDS: Final = 5.0
"""Between two looks at a real account, whose API calls are throttled."""


@dataclass(frozen=True, kw_only=True)
class FrontDoor:
    """Where customers reach the environment.

    Attributes:
        base_url: such as `https://www.example.com`; on loopback, the data plane's URL.
        host: name to ask for, in TLS and in the `Host` header; empty where it is the URL's own.
        ca_file: who signed the certificate; None for the public authorities.
    """

    base_url: str
    host: str = ""
    ca_file: Path | None = None

    def client(self, **options: Any) -> httpx.Client:
        """Return an HTTP client whose relative paths go there; the caller closes it.

        Args:
            **options: httpx's own, such as `timeout`.
        """
        verify = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else True
        return httpx.Client(
            base_url=self.base_url,
            headers={"Host": self.host} if self.host else None,
            verify=verify,
            # A proxy of the user's must not see what goes to loopback.
            trust_env=self.ca_file is None,
            event_hooks={"request": [self._ask_for_host]} if self.host else None,
            **options,
        )

    def _ask_for_host(self, request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = self.host


class Aws:
    """The target's AWS: `aws("docdb")` is a boto3 client, `aws("acm", "us-east-1")` one of another region.

    Args:
        target: that was opened.
        region: the environment's.

    Attributes:
        name: `local` or `aws`.
        clients: what `runbooks.verify.Deployed` takes.
        poll_seconds: between two looks at something that is waited for.
    """

    def __init__(self, target: LocalTarget | AwsTarget, region: str) -> None:
        self.name = target.name
        self.region = region
        self.clients: AwsClients = target.clients(region)
        self.poll_seconds = LOCAL_POLL_SECONDS if isinstance(target, LocalTarget) else AWS_POLL_SECONDS
        self._target = target

    def __call__(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, made once."""
        return self.clients(service, region)

    @cached_property
    def _identity(self) -> dict[str, str]:
        return dict(self("sts").get_caller_identity())

    @property
    def account(self) -> str:
        """12 digits, as AWS says them."""
        return self._identity["Account"]

    @property
    def caller(self) -> str:
        """ARN of who asks."""
        return self._identity["Arn"]

    def front_door(self, domain: str) -> FrontDoor:
        """Return where customers reach a domain: on local, the data plane, which is started if it does not run.

        Raises:
            TargetError: the data plane can't start.
        """
        if not isinstance(self._target, LocalTarget):
            return FrontDoor(base_url=f"https://{domain}")
        plane = self._target.server.data_plane()
        return FrontDoor(base_url=plane.url, host=domain, ca_file=plane.ca_file)

    def test_listener(self, domain: str, port: int) -> FrontDoor:
        """Return where testers reach the next version: the load balancer itself, by a name of its certificate.

        Args:
            domain: the environment's.
            port: of the test listener; the data plane has one of its own for it.

        Raises:
            TargetError: the data plane can't start.
        """
        origin = f"origin-alb.{domain}"
        if not isinstance(self._target, LocalTarget):
            return FrontDoor(base_url=f"https://{origin}:{port}")
        plane = self._target.server.data_plane()
        return FrontDoor(base_url=plane.test_url, host=origin, ca_file=plane.ca_file)
