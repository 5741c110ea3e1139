"""Amazon S3: whether a bucket's policy lets access logs in, which moto reads by the letter and not by meaning.

Follows https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any, Final

from moto.s3.models import FakeBucket

LOGGING: Final = "logging.s3.amazonaws.com"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _admits_logs(target_bucket: Any, target_prefix: str | None) -> bool:
    """Return whether a statement lets S3 write a log under the prefix."""
    if not target_bucket.policy:
        return False
    written = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}log"
    return any(
        statement["Effect"] == "Allow"
        and isinstance(statement["Principal"], dict)
        and LOGGING in _listed(statement["Principal"].get("Service"))
        and any(fnmatchcase("s3:PutObject", action) for action in _listed(statement["Action"]))
        and any(fnmatchcase(written, resource) for resource in _listed(statement["Resource"]))
        for statement in _listed(json.loads(target_bucket.policy)["Statement"])
    )


def register() -> None:
    """Mend moto's reading of the policy."""
    FakeBucket._log_permissions_enabled_policy = staticmethod(_admits_logs)
