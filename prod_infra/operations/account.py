"""Which account the environment is in, for policies that must name it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account and the partition of the provider.

    Attributes:
        id: twelve digits.
        partition: `aws`, `aws-cn` or `aws-us-gov`: what every ARN begins with.
    """

    id: pulumi.Output[str]
    partition: pulumi.Output[str]

    @property
    def root(self) -> pulumi.Output[str]:
        """Principal that stands for the account: whoever its IAM policies allow."""
        return self.arn("iam::", "root")

    def arn(self, service_and_region: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return an ARN in the account: `arn("logs:eu-central-1:", "log-group:*")`."""
        return pulumi.Output.concat("arn:", self.partition, ":", service_and_region, self.id, ":", resource)

    def policy_arn(self, name: str | None) -> pulumi.Output[str] | None:
        """Return the ARN of an IAM policy by its name; None for none."""
        return self.arn("iam::", f"policy/{name}") if name else None

    def log_group_arn(self, region: str, name: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return a log group's ARN by its name, which a preview knows, so that it can judge a policy."""
        return self.arn(f"logs:{region}:", pulumi.Output.concat("log-group:", name))


def account_of(parent: pulumi.Resource) -> Account:
    """Return the account of a resource's provider."""
    opts = pulumi.InvokeOutputOptions(parent=parent)
    return Account(
        id=aws.get_caller_identity_output(opts=opts).account_id,
        partition=aws.get_partition_output(opts=opts).partition,
    )


def trust_policy(service: str, account: Account) -> pulumi.Output[str]:
    """Return the policy, as JSON, by which a service takes a role: on behalf of this account and no other.

    Each service's guide names the condition in its section "Cross-service confused deputy prevention".

    Args:
        service: such as `ecs-tasks.amazonaws.com`.
        account: on whose behalf alone.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account.id}},
    }
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})
