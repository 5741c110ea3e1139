"""Clusters that a restore made: found, known by their tag as a run's own, and deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from runbooks.core.aws import Aws
from runbooks.core.waiting import wait

TEAR_DOWN_SECONDS: Final = 1800.0
"""For which each instance, and the cluster, may take to be gone."""

MADE_BY: Final = "RestoredByRun"
"""Tag of what a run made; its value is the run's id, and nothing without it is ever deleted."""


def find_cluster(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return a cluster as AWS describes it; None where there is none."""
    docdb = aws("docdb")
    try:
        return dict(docdb.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0])
    except docdb.exceptions.DBClusterNotFoundFault:
        return None


def find_instance(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return an instance as AWS describes it; None where there is none."""
    docdb = aws("docdb")
    try:
        return dict(docdb.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])
    except docdb.exceptions.DBInstanceNotFoundFault:
        return None


def made_by(aws: Aws, arn: str) -> str:
    """Return the id of the run that made a cluster or an instance; empty for anybody else's."""
    tags = aws("docdb").list_tags_for_resource(ResourceName=arn)["TagList"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == MADE_BY), "")


def _delete(what: str, delete: Callable[[], object], find: Callable[[], object], aws: Aws) -> None:
    """Delete until it is gone: what is still being made, or changed, refuses for a while."""

    def gone() -> bool:
        if find() is None:
            return True
        try:
            delete()
        except ClientError as error:
            # InvalidDBClusterStateFault, InvalidDBInstanceState: it is made, changed or deleted just now.
            if "State" not in error.response["Error"]["Code"] and "NotFound" not in error.response["Error"]["Code"]:
                raise
        return find() is None

    wait(f"{what} to be gone", gone, timeout=TEAR_DOWN_SECONDS, poll=aws.poll_seconds)


def tear_down(aws: Aws, *, cluster: str, run: str, log_groups: Sequence[str]) -> str:
    """Delete a run's cluster, instances first, without a last snapshot, then its logs; nothing of anybody else's."""
    docdb, logs = aws("docdb"), aws("logs")
    found = find_cluster(aws, cluster)
    if found is not None and made_by(aws, found["DBClusterArn"]) != run:
        return f"{cluster} is not of this run: nothing was made"
    if found is not None:
        for name in [member["DBInstanceIdentifier"] for member in found["DBClusterMembers"]]:
            delete = partial(docdb.delete_db_instance, DBInstanceIdentifier=name)
            _delete(name, delete, partial(find_instance, aws, name), aws)
        delete = partial(docdb.delete_db_cluster, DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
        _delete(cluster, delete, partial(find_cluster, aws, cluster), aws)
    for group in log_groups:
        try:
            logs.delete_log_group(logGroupName=group)
        except logs.exceptions.ResourceNotFoundException:
            continue
    return (
        f"{cluster} was not there"
        if found is None
        else f"{cluster} and its {len(found['DBClusterMembers'])} instances deleted"
    )
