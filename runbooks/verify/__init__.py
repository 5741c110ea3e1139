"""Verification from outside: what AWS's API says of a deployed environment, held against its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prod_infra.deployment.clients import AwsClients
from prod_infra.settings import Settings
from runbooks.verify import compute, data, edge, network, operations
from runbooks.verify.check import Check, CheckFunction, run_check
from runbooks.verify.deployed import Deployed

GROUPS: tuple[tuple[str, tuple[CheckFunction, ...]], ...] = (
    ("network", network.CHECKS),
    ("edge", edge.CHECKS),
    ("compute", compute.CHECKS),
    ("data", data.CHECKS),
    ("operations", operations.CHECKS),
)
"""Every check, by group, in the order in which they run."""


def verify(
    clients: AwsClients, settings: Settings, on_check: Callable[[Check], None] | None = None
) -> tuple[Check, ...]:
    """Run every check; one that fails stops no other.

    Args:
        clients: boto3 clients by service and region.
        settings: what the environment is meant to be.
        on_check: told of each check as it ends.
    """
    deployed = Deployed(clients, settings)

    def checks() -> Iterator[Check]:
        for group, functions in GROUPS:
            for function in functions:
                done = run_check(group, function, deployed)
                if on_check is not None:
                    on_check(done)
                yield done

    return tuple(checks())


__all__ = ["GROUPS", "Check", "Deployed", "verify"]
