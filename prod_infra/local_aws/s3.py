"""Amazon S3: what moto keeps to itself, or reads by the letter and not by meaning.

- Whether a bucket's policy lets access logs in:
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html.
- Whether a bucket tells EventBridge what happens to its objects:
  https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Final

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from prod_infra.local_aws import bucket_policies
from prod_infra.local_aws.patches import around

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


def _serialized(serialize: Callable[..., Any], response: Any, result: Any) -> Any:
    if response.data.get("Action") == "GetBucketNotificationConfiguration":
        held = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if held is not None and held.event_bridge is not None:
            result.result["EventBridgeConfiguration"] = {}
    return serialize(response, result)


def _permission(_: Callable[..., Any], bucket: Any, action: str, resource: str) -> PermissionResult:
    policy = json.loads(bucket.policy) if bucket.policy else None
    found = bucket_policies.verdict(policy, action, resource, ("AWS", f"arn:aws:iam::{bucket.account_id}:root"))
    return {True: PermissionResult.PERMITTED, False: PermissionResult.DENIED, None: PermissionResult.NEUTRAL}[found]


def register() -> None:
    """Mend moto's S3."""
    around(S3Response, "serialized")(_serialized)
    around(FakeBucket, "get_permission")(_permission)
    FakeBucket._log_permissions_enabled_policy = staticmethod(_admits_logs)
