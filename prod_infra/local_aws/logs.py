"""CloudWatch Logs: moto can't change the key of a log group.

Follows https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html.
"""

from __future__ import annotations

from typing import Any

from moto.logs import exceptions, responses

from prod_infra.local_aws.patches import added


def _set_key(response: Any, key: str | None) -> str:
    name = response._get_param("logGroupName")
    if name not in response.logs_backend.groups:
        raise exceptions.ResourceNotFoundException
    response.logs_backend.groups[name].kms_key_id = key
    return ""


def _associate(response: Any) -> str:
    return _set_key(response, response._get_param("kmsKeyId"))


def _disassociate(response: Any) -> str:
    return _set_key(response, None)


def register() -> None:
    """Add the two calls."""
    added(responses.LogsResponse, "associate_kms_key")(_associate)
    added(responses.LogsResponse, "disassociate_kms_key")(_disassociate)
