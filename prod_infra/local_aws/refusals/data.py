"""What S3, Secrets Manager, CloudWatch and its logs, KMS and ECS refuse and moto takes.

Follows https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html,
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html and
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.secretsmanager.models import secretsmanager_backends

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.calls import Call
from prod_infra.local_aws.refusals.checks import refuses
from prod_infra.local_aws.refusals.refused import Refused

BUCKET: Final = re.compile(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)(?<!--x-s3)(?<!\.mrap)"
)
SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
ECS_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,255}")
RETENTION_DAYS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
LONGEST_APPLICATION: Final = 100
SHORT_PERIODS: Final = frozenset({10, 20, 30})


def _bucket_name(_: Call, given: Any) -> None:
    if not BUCKET.fullmatch(given["Bucket"]):
        raise Refused("InvalidBucketName", "The specified bucket is not valid.", BucketName=given["Bucket"])


def _secret_name(_: Call, given: Any) -> None:
    if not SECRET_NAME.fullmatch(given.get("Name") or ""):
        raise Refused(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


def _secret_pending(call: Call, given: Any) -> None:
    backend = secretsmanager_backends[ACCOUNT_ID][call.region]
    secret = backend.secrets.get(given["SecretId"])
    if secret is not None and secret.is_deleted():
        raise Refused(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )


def _retention(_: Call, given: Any) -> None:
    if given["retentionInDays"] not in RETENTION_DAYS:
        raise Refused(
            "InvalidParameterException",
            f"1 validation error detected: Value '{given['retentionInDays']}' at 'retentionInDays' failed to satisfy"
            f" constraint: Member must satisfy enum value set: {sorted(RETENTION_DAYS)}",
        )


def _period(_: Call, given: Any) -> None:
    period = given.get("Period")
    if period is not None and period not in SHORT_PERIODS and (period <= 0 or period % 60):
        raise Refused("ValidationError", f"Period must be 10, 20, 30 or a multiple of 60; {period} is not")
    if not given.get("Metrics") and not (given.get("MetricName") and given.get("Namespace")):
        raise Refused("ValidationError", "Either Metrics, or MetricName and Namespace, must be given")


def _alias(_: Call, given: Any) -> None:
    if given["AliasName"].startswith("alias/aws/"):
        raise Refused("InvalidAliasNameException", "The prefix alias/aws/ is reserved for AWS managed keys")


def _application_name(_: Call, given: Any) -> None:
    if not 1 <= len(given.get("applicationName") or "") <= LONGEST_APPLICATION:
        raise Refused("InvalidApplicationNameException", "Application name has 1 to 100 characters")


def _ecs_name(call: Call, given: Any) -> None:
    name = given.get("clusterName" if call.operation.name == "CreateCluster" else "serviceName")
    if name is not None and not ECS_NAME.fullmatch(name):
        raise Refused(
            "InvalidParameterException",
            f"{name!r} must have at most 255 letters, numbers, hyphens and underscores",
        )


def register() -> None:
    """Add the checks of these services."""
    refuses("s3", "CreateBucket")(_bucket_name)
    refuses("secretsmanager", "CreateSecret")(_secret_name)
    refuses("secretsmanager", "TagResource", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy")(
        _secret_pending
    )
    refuses("logs", "PutRetentionPolicy")(_retention)
    refuses("cloudwatch", "PutMetricAlarm")(_period)
    refuses("kms", "CreateAlias")(_alias)
    refuses("codedeploy", "CreateApplication")(_application_name)
    refuses("ecs", "CreateCluster", "CreateService")(_ecs_name)
