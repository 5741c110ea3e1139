"""References to the application's secrets: a task gets them by ARN, and no program reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from prod_infra.operations.account import account_of


@dataclass(frozen=True, kw_only=True)
class SecretReference:
    """One environment variable that ECS fills from Secrets Manager.

    Attributes:
        arn: the secret's ARN, without AWS's random suffix if the secret is known by name alone.
        json_key: which key of a JSON secret; empty for the whole text.
        has_suffix: whether the ARN has that suffix.
    """

    arn: pulumi.Output[str]
    json_key: str = ""
    has_suffix: bool = True

    @property
    def value_from(self) -> pulumi.Output[str]:
        """What a container definition says (ECS guide, "Specifying sensitive data using Secrets Manager")."""
        return pulumi.Output.concat(self.arn, f":{self.json_key}::" if self.json_key else "")

    @property
    def policy_resource(self) -> pulumi.Output[str]:
        """What a policy names: six question marks stand for an unknown suffix (Secrets Manager guide)."""
        return self.arn if self.has_suffix else pulumi.Output.concat(self.arn, "-??????")


def named_secrets(secrets: Mapping[str, str], region: str, parent: pulumi.Resource) -> dict[str, SecretReference]:
    """Return references to secrets that exist in the account already.

    Args:
        secrets: environment variable to name, such as `{"JWT": "prod/app:JWT"}` for the key `JWT` of `prod/app`.
        region: AWS region that holds them.
        parent: resource whose provider is asked for the account.
    """
    if not secrets:
        return {}
    account = account_of(parent)
    return {
        variable: SecretReference(
            arn=account.arn(f"secretsmanager:{region}:", f"secret:{name}"),
            json_key=json_key,
            has_suffix=False,
        )
        for variable, reference in secrets.items()
        for name, _, json_key in [reference.partition(":")]
    }
