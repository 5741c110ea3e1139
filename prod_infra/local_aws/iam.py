"""IAM: AWS's own managed policies, which moto leaves out unless asked, read once and not at every reset.

And the audiences of identity providers, which moto can't change.

Roles attach them by their fixed ARNs, such as
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from moto.core.responses import EmptyResult
from moto.iam import models, responses

from prod_infra.local_aws.patches import added, around


@cache
def _policies(account: str, partition: str) -> tuple[Any, ...]:
    data = json.loads(models.aws_managed_policies_data)
    return tuple(models.AWSManagedPolicy.from_data(name, account, partition, each) for name, each in data.items())


def _init_policies(_: Callable[..., Any], backend: Any) -> list[Any]:
    # moto keeps an IAM for each of AWS's partitions, such as China's; this account lives in one.
    if backend.region_name != "aws":
        return []
    # Copies, since a policy counts what it is attached to.
    return [copy.copy(policy) for policy in _policies(backend.account_id, backend.region_name)]


def _audiences(response: Any) -> list[str]:
    arn = response._get_param("OpenIDConnectProviderArn")
    audiences: list[str] = response.backend.get_open_id_connect_provider(arn).client_id_list
    return audiences


def _add_audience(response: Any) -> EmptyResult:
    audiences, audience = _audiences(response), response._get_param("ClientID")
    # Adding one that is there is no error: the API reference calls the action idempotent.
    if audience not in audiences:
        audiences.append(audience)
    return EmptyResult()


def _remove_audience(response: Any) -> EmptyResult:
    audiences, audience = _audiences(response), response._get_param("ClientID")
    if audience in audiences:
        audiences.remove(audience)
    return EmptyResult()


def register() -> None:
    """Give every account AWS's managed policies, and identity providers their audiences."""
    around(models.IAMBackend, "_init_aws_policies")(_init_policies)
    added(responses.IamResponse, "add_client_id_to_open_id_connect_provider")(_add_audience)
    added(responses.IamResponse, "remove_client_id_from_open_id_connect_provider")(_remove_audience)
