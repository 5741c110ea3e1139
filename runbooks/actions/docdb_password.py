"""The database's password: its versions in Secrets Manager, and the cluster that is given one.

A password is read from Secrets Manager right where it is needed and goes nowhere but back there and to DocumentDB.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.actions.task_rolling import ServiceTasks, Wait
from runbooks.core.aws import Aws
from runbooks.core.waiting import wait

CURRENT: Final = "AWSCURRENT"
PREVIOUS: Final = "AWSPREVIOUS"
PENDING: Final = "AWSPENDING"

PASSWORD_BYTES: Final = 36
"""They come to 48 characters of A-Z, a-z, 0-9, - and _, all of which DocumentDB takes: it refuses / " @ and space."""

SHOWS_SECONDS: Final = 60.0
"""For which AWS may take to show that a password is being changed."""

UNDO_SECONDS: Final = 900.0


def holders(aws: Aws, secret: str) -> dict[str, str]:
    """Return which version of a secret has each staging label."""
    stages = aws("secretsmanager").describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    return {stage: version for version, own in stages.items() for stage in own}


def content(aws: Aws, secret: str, version: str) -> dict[str, Any]:
    """Return the JSON of a version.

    Raises:
        RunbookError: it is none; the message does not quote it.
    """
    found = aws("secretsmanager").get_secret_value(SecretId=secret, VersionId=version).get("SecretString", "")
    try:
        return dict(json.loads(found))
    except (ValueError, TypeError):
        # `from None`: the error behind it has the text.
        raise RunbookError(f"Version {version} of {secret} is no JSON object.") from None


def put_new(aws: Aws, secret: str, former: str, version: str) -> None:
    """Put a version with a new password and the former one's other members, labelled AWSPENDING."""
    new = {**content(aws, secret, former), "password": secrets.token_urlsafe(PASSWORD_BYTES)}
    aws("secretsmanager").put_secret_value(
        SecretId=secret, ClientRequestToken=version, SecretString=json.dumps(new), VersionStages=[PENDING]
    )


def give(aws: Aws, cluster: str, secret: str, version: str, *, wait_for: Wait, timeout: float) -> None:
    """Give the cluster the password of a version, and wait until it counts.

    Raises:
        WaitTimeoutError: the cluster does not get available again.
    """
    docdb = aws("docdb")

    def status() -> str:
        return str(docdb.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["Status"])

    wait_for(f"{cluster} to be available", lambda: status() == "available", timeout=timeout)
    began = datetime.now(UTC)
    docdb.modify_db_cluster(
        DBClusterIdentifier=cluster,
        MasterUserPassword=content(aws, secret, version)["password"],
        ApplyImmediately=True,
    )

    def shows() -> bool:
        """Whether it is being changed, or has been: an event of an instance says so (DocumentDB guide, "Events")."""
        if status() != "available":
            return True
        events = docdb.describe_events(SourceType="db-instance", StartTime=began)["Events"]
        return any(event["Message"] == "Reset master credentials" and event["Date"] >= began for event in events)

    # It may be over between two looks, and AWS tell of no event.
    with contextlib.suppress(WaitTimeoutError):
        wait_for(f"{cluster} to change the password", shows, timeout=SHOWS_SECONDS)
    wait_for(f"{cluster} to be available", lambda: status() == "available", timeout=timeout)


def promote(aws: Aws, secret: str, version: str) -> None:
    """Make a version the current one; Secrets Manager labels the former one AWSPREVIOUS."""
    client, now = aws("secretsmanager"), holders(aws, secret)
    if now[CURRENT] != version:
        client.update_secret_version_stage(
            SecretId=secret, VersionStage=CURRENT, MoveToVersionId=version, RemoveFromVersionId=now[CURRENT]
        )
    forget(aws, secret=secret)


# What takes the steps back.


def forget(aws: Aws, *, secret: str) -> str:
    """Take the label AWSPENDING off: a version without a label is deprecated, and Secrets Manager deletes it."""
    now = holders(aws, secret)
    if PENDING not in now:
        return "no version is pending"
    aws("secretsmanager").update_secret_version_stage(
        SecretId=secret, VersionStage=PENDING, RemoveFromVersionId=now[PENDING]
    )
    return f"version {now[PENDING]} is no longer pending"


def password_back(
    aws: Aws, *, secret: str, version: str, database: str, cluster: str, service: str, desired: int
) -> str:
    """Give the database the former version's password again and replace all tasks, as any may have the other one."""
    poll = partial(wait, poll=aws.poll_seconds)
    # A kill in the middle of an undo may have left one more.
    count_back(aws, cluster=cluster, service=service, desired=desired)
    give(aws, database, secret, version, wait_for=poll, timeout=UNDO_SECONDS)
    tasks = ServiceTasks(aws, cluster, service, poll, UNDO_SECONDS)
    old = [task["taskArn"] for task in tasks.present()]
    tasks.replace(old)
    return f"{database} has the password of version {version} again; {len(old)} tasks replaced"


def stages_back(aws: Aws, *, secret: str, current: str, previous: str) -> str:
    """Move AWSCURRENT and AWSPREVIOUS back to the versions that had them."""
    client = aws("secretsmanager")
    now = holders(aws, secret)
    if now[CURRENT] == current:
        return f"version {current} is the current one"
    client.update_secret_version_stage(
        SecretId=secret, VersionStage=CURRENT, MoveToVersionId=current, RemoveFromVersionId=now[CURRENT]
    )
    # Secrets Manager has moved AWSPREVIOUS to the version that was current until now.
    wanted: Mapping[str, str] = {"MoveToVersionId": previous} if previous else {}
    held = holders(aws, secret)[PREVIOUS]
    client.update_secret_version_stage(SecretId=secret, VersionStage=PREVIOUS, RemoveFromVersionId=held, **wanted)
    return f"version {current} is the current one again"


def count_back(aws: Aws, *, cluster: str, service: str, desired: int) -> str:
    """Take back the one task more that replacing needs."""
    ecs = aws("ecs")
    now = ecs.describe_services(cluster=cluster, services=[service])["services"][0]["desiredCount"]
    if now != desired + 1:
        return f"{now} tasks are wanted"
    ecs.update_service(cluster=cluster, service=service, desiredCount=desired)
    return f"{desired} tasks are wanted again"
