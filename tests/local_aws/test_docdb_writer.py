"""Whatever happens to a DocumentDB cluster, it never has two writers, and at rest one if any instance is healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.docdb_environment import add_instance, cluster, described, eventually, seen, writers

ZONES = ("a", "b")
NAMES = ("prod-a", "prod-b", "prod-b2")
MAY_FAIL = {
    "DBInstanceAlreadyExists",
    "DBInstanceNotFound",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidParameterCombination",
}
"""AWS's answers to a call at the wrong time."""


def at_rest(clients: Clients) -> bool:
    """Return whether nothing is under way in the cluster."""
    instances = seen(clients("docdb").describe_db_instances)
    return described(clients)["Status"] == "available" and all(
        each["DBInstanceStatus"] in {"available", "failed"} for each in instances
    )


def healthy(clients: Clients) -> list[str]:
    """Return the instances that could write."""
    instances = seen(clients("docdb").describe_db_instances)
    return [each["DBInstanceIdentifier"] for each in instances if each["DBInstanceStatus"] == "available"]


class Cluster(RuleBasedStateMachine):
    """Calls and losses in any order, on one cluster with up to three instances in two zones."""

    local_aws: LocalAws
    clients: Clients

    def __init__(self) -> None:
        super().__init__()
        self.local_aws.reset()
        self.local_aws.admin("POST", "/clock", factor=3000)
        self.local_aws.admin("POST", "/faults", kind="failover", seconds=0.05)
        cluster(self.clients, "a", "b")

    def try_to(self, call: Callable[..., Any], **arguments: Any) -> None:
        """Make a call that may come at the wrong time."""
        try:
            call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in MAY_FAIL:
                raise

    @rule(heir=st.sampled_from(NAMES) | st.none())
    def fail_over(self, heir: str | None) -> None:
        """Ask for a failover, to an instance or to any."""
        which = {"TargetDBInstanceIdentifier": heir} if heir else {}
        self.try_to(self.clients("docdb").failover_db_cluster, DBClusterIdentifier="prod", **which)

    @rule(name=st.sampled_from(NAMES), force=st.booleans())
    def reboot(self, name: str, *, force: bool) -> None:
        """Reboot an instance."""
        self.try_to(self.clients("docdb").reboot_db_instance, DBInstanceIdentifier=name, ForceFailover=force)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        """Delete an instance."""
        self.try_to(self.clients("docdb").delete_db_instance, DBInstanceIdentifier=name)

    @rule(zone=st.sampled_from([name.removeprefix("prod-") for name in NAMES]))
    def create(self, zone: str) -> None:
        """Create an instance that may be there."""
        self.try_to(add_instance, clients=self.clients, zone=zone)

    @rule(zone=st.sampled_from(ZONES))
    def lose(self, zone: str) -> None:
        """Lose a zone."""
        self.local_aws.admin("POST", "/faults", kind="lost-az", zone=f"eu-central-1{zone}")

    @rule()
    def find_again(self) -> None:
        """Let every zone come back, and failovers stay short."""
        self.local_aws.admin("DELETE", "/faults")
        self.local_aws.admin("POST", "/faults", kind="failover", seconds=0.05)

    @rule()
    def rest(self) -> None:
        """Wait until nothing is under way: then a healthy instance writes."""
        eventually(lambda: at_rest(self.clients))
        if able := healthy(self.clients):
            # The loss of a zone is noticed a moment later.
            eventually(lambda: at_rest(self.clients) and set(writers(self.clients)) <= set(able) != set())
            eventually(lambda: len(writers(self.clients)) == 1)

    @invariant()
    def never_two(self) -> None:
        """Two writers would part the data in two."""
        assert len(writers(self.clients)) <= 1

    def teardown(self) -> None:
        """Check the rest that every run ends in."""
        self.rest()
        self.local_aws.reset()


def test_there_is_never_more_than_one_writer(local_aws: LocalAws, clients: Clients) -> None:
    """Over any sequence of failovers, reboots, deletions, creations and lost zones."""
    Cluster.local_aws, Cluster.clients = local_aws, clients
    run_state_machine_as_test(
        Cluster,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            # A real server keeps time: what failed once may not fail again, so there is nothing to shrink.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
