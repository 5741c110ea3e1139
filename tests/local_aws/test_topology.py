"""What the local AWS tells its data plane."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.errors import TargetError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import issued_certificate, load_balancer, network


def _topology(local_aws: LocalAws) -> dict[str, Any]:
    found: dict[str, Any] = local_aws.admin("GET", "/topology")["topology"]
    return found


def test_a_version_that_is_known_is_not_told_again(local_aws: LocalAws, clients: Clients) -> None:
    """An asker that is up to date gets no more than that; any change is another version."""
    known = local_aws.admin("GET", "/topology")["version"]
    assert local_aws.admin("GET", f"/topology?version={known}") == {"unchanged": True, "version": known}
    issued_certificate(clients)
    changed = local_aws.admin("GET", f"/topology?version={known}")
    assert changed["version"] != known
    assert list(changed["topology"]["certificates"].values()) == [["example.com", "*.example.com"]]


def test_rules_come_in_order_of_priority_with_the_default_last(local_aws: LocalAws, clients: Clients) -> None:
    """The order in which they were made does not matter."""
    arns = load_balancer(clients, network(clients))
    for priority, path in ((20, "/b"), (3, "/a")):
        clients("elbv2").create_rule(
            ListenerArn=arns["listener"],
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=[{"Type": "forward", "TargetGroupArn": arns["target_group"]}],
        )
    [listener] = _topology(local_aws)["balancers"][0]["listeners"]
    assert [[each["Values"] for each in rule["conditions"]] for rule in listener["rules"]] == [[["/a"]], [["/b"]], []]


def test_lost_zones_and_nothing_after_a_reset(local_aws: LocalAws, clients: Clients) -> None:
    """Faults are part of it, and a reset forgets all."""
    load_balancer(clients, network(clients))
    with local_aws.fault("lost-az", zone="eu-central-1a"):
        assert _topology(local_aws)["lost_zones"] == ["eu-central-1a"]
    local_aws.reset()
    found = _topology(local_aws)
    assert not any(found[name] for name in ("balancers", "distributions", "target_groups", "tasks", "lost_zones"))


def test_the_end_of_a_task_that_does_not_run_is_refused(local_aws: LocalAws, clients: Clients) -> None:
    """So is an exit code that is none."""
    assert clients("ecs").list_clusters()["clusterArns"] == []
    with pytest.raises(TargetError, match="no task 'x' runs"):
        local_aws.admin("POST", "/ecs/task-stopped", task="x", exit_code=0)
    with pytest.raises(TargetError, match="exit_code must be a whole number"):
        local_aws.admin("POST", "/ecs/task-stopped", task="x", exit_code="0")
