"""One run at a time holds an environment."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from prod_infra.deployment.targets import LocalTarget
from prod_infra.errors import LockError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from runbooks.core.aws import Aws
from runbooks.core.lock import acquire, release


@pytest.fixture
def aws(local_aws: LocalAws, clients: Clients) -> Aws:
    """A target with an empty bucket."""
    location: Any = {"LocationConstraint": clients.region}
    clients("s3").create_bucket(Bucket="evidence", CreateBucketConfiguration=location)
    return Aws(LocalTarget(local_aws), clients.region)


def test_second_run_is_refused_until_the_first_gives_back(aws: Aws) -> None:
    """The refusal names the holder; a lock that was given back is free; giving back twice is no error."""
    held = acquire(aws, "evidence", "prod", "run-1")
    with pytest.raises(LockError, match="Run run-1"):
        acquire(aws, "evidence", "prod", "run-2")
    acquire(aws, "evidence", "other", "run-3")
    release(aws, held)
    release(aws, held)
    assert acquire(aws, "evidence", "prod", "run-2").key == "locks/prod/00000002.json"


def test_expired_lock_is_free(aws: Aws) -> None:
    """A run that was killed keeps nobody out for ever."""
    acquire(aws, "evidence", "prod", "run-1", seconds=-1)
    acquire(aws, "evidence", "prod", "run-2")


def test_resumed_run_s_lock_is_passed_over(aws: Aws) -> None:
    """The run that takes up another one takes its lock, too; and nobody else does."""
    acquire(aws, "evidence", "prod", "run-1")
    acquire(aws, "evidence", "prod", "run-2", over={"run-1"})
    with pytest.raises(LockError):
        acquire(aws, "evidence", "prod", "run-3", over={"run-1"})


def test_one_of_many_wins(aws: Aws) -> None:
    """Of runs that ask at the same moment one gets the lock."""

    def attempt(number: int) -> bool:
        try:
            acquire(aws, "evidence", "prod", f"run-{number}")
        except LockError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    body = aws("s3").get_object(Bucket="evidence", Key="locks/prod/00000001.json")["Body"].read()
    assert set(json.loads(body)) == {"run", "who", "taken", "expires"}
