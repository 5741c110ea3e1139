"""IAM: AWS's own managed policies, which moto leaves out unless asked, read once and not at every reset.

Roles attach them by their fixed ARNs, such as
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from moto.iam import models

from prod_infra.local_aws.patches import around


@cache
def _policies(account: str, partition: str) -> tuple[Any, ...]:
    data = json.loads(models.aws_managed_policies_data)
    return tuple(models.AWSManagedPolicy.from_data(name, account, partition, each) for name, each in data.items())


def _init_policies(_: Callable[..., Any], backend: Any) -> list[Any]:
    # Copies, since a policy counts what it is attached to.
    return [copy.copy(policy) for policy in _policies(backend.account_id, backend.region_name)]


def register() -> None:
    """Give every account AWS's managed policies."""
    around(models.IAMBackend, "_init_aws_policies")(_init_policies)
