"""One run at a time changes an environment: a lock in its evidence bucket that survives crashes and expires.

Each holder puts `locks/<stack>/<epoch>.json` under the next number, with `If-None-Match: *`: S3 lets one of two win
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). Nothing is ever deleted or renewed, so
it works under Object Lock, and who held the environment when can be read there afterwards.
"""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from prod_infra.errors import LockError
from runbooks.core.aws import Aws

LOCK_SECONDS: Final = 4 * 3600.0
"""For which a lock holds; no run takes longer, as each of its cells and waits is bounded."""

_TAKEN: Final = {"PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, kw_only=True)
class HeldLock:
    """A lock that is held: where it is."""

    bucket: str
    key: str


def _newest(s3: Any, bucket: str, prefix: str) -> tuple[int, bool]:
    """Return the newest epoch, 0 where there is none, and whether it was released."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = {item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", ())}
    epoch = max((int(key.partition(".")[0]) for key in keys), default=0)
    return epoch, f"{epoch:08}.released.json" in keys


def acquire(
    aws: Aws, bucket: str, stack: str, run: str, *, seconds: float = LOCK_SECONDS, over: Collection[str] = ()
) -> HeldLock:
    """Take the environment's lock.

    Args:
        aws: the target.
        bucket: the environment's evidence bucket.
        stack: names the environment.
        run: id of the run that takes it.
        seconds: for which it holds; nothing renews it.
        over: runs whose locks don't count: the one that is resumed.

    Raises:
        LockError: another run has it.
    """
    s3, prefix, now = aws("s3"), f"locks/{stack}/", datetime.now(UTC)
    epoch, released = _newest(s3, bucket, prefix)
    if epoch and not released:
        held = json.loads(s3.get_object(Bucket=bucket, Key=f"{prefix}{epoch:08}.json")["Body"].read())
        if now < datetime.fromisoformat(held["expires"]) and held["run"] not in over:
            raise LockError(
                f"Run {held['run']} by {held['who']} holds {stack} until {held['expires']}.",
                hint=f"wait for its end; if it was killed: `prod-infra runbook undo {held['run']}`",
            )
    key = f"{prefix}{epoch + 1:08}.json"
    body = {
        "run": run,
        "who": f"{getpass.getuser()}@{socket.gethostname()}, {aws.caller}",
        "taken": now.isoformat(),
        "expires": (now + timedelta(seconds=seconds)).isoformat(),
    }
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(body).encode(), IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
        # A put whose answer was lost is made again by boto3, and then finds itself.
        if json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["run"] != run:
            raise LockError(f"Another run took {stack} at this very moment.", hint="wait for its end") from error
    return HeldLock(bucket=bucket, key=key)


def release(aws: Aws, held: HeldLock) -> None:
    """Give the lock back; doing it twice is no error."""
    key = held.key.removesuffix(".json") + ".released.json"
    try:
        aws("s3").put_object(
            Bucket=held.bucket,
            Key=key,
            Body=json.dumps({"released": datetime.now(UTC).isoformat()}).encode(),
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
