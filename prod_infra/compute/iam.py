"""Roles of the service: what starts a task, what a task may do, and what CodeDeploy may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.data.app_secrets import SecretReference
from prod_infra.operations.account import account_of, trust_policy


@dataclass(frozen=True, kw_only=True)
class ServiceRolesArgs(ComponentArgs):
    """Arguments of `ServiceRoles`.

    Attributes:
        repository_arn: repository from which tasks are started.
        log_group_arn: log group of the tasks.
        secrets: what the tasks get from Secrets Manager, by environment variable.
        images_bucket_arn: bucket to which tasks upload.
        secrets_key_arn: key of the environment's own secrets.
        buckets_key_arn: key of that bucket.
        enable_blue_green_deployment: whether CodeDeploy needs a role.
        permissions_boundary: name of the policy that bounds the roles; None for none.
    """

    repository_arn: pulumi.Input[str]
    log_group_arn: pulumi.Input[str]
    secrets: Mapping[str, SecretReference]
    images_bucket_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    buckets_key_arn: pulumi.Input[str]
    enable_blue_green_deployment: bool = True
    permissions_boundary: str | None = None


class ServiceRoles(Component):
    """Three roles, each with the least that its part needs.

    Attributes:
        execution_role_arn: pulls one repository's images, writes one log group, reads the named secrets.
        task_role_arn: what the application itself may do: keep images in one bucket.
        codedeploy_role_arn: shifts traffic and swaps task sets; None without blue/green deployment.
    """

    pulumi_type = "prod_infra:compute:ServiceRoles"

    execution_role_arn: pulumi.Output[str]
    task_role_arn: pulumi.Output[str]
    codedeploy_role_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: ServiceRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._account = account_of(self)
        self._boundary = self._account.policy_arn(args.permissions_boundary)
        execution_role = self._role(f"{name}-execution", "ecs-tasks.amazonaws.com")
        self._policy(
            f"{name}-execution",
            execution_role,
            {
                # This call knows no narrower resource (IAM's service authorization reference, Amazon ECR).
                "Login": ("ecr:GetAuthorizationToken", "*"),
                "PullImages": (
                    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    args.repository_arn,
                ),
                "WriteLogs": (
                    ["logs:CreateLogStream", "logs:PutLogEvents"],
                    pulumi.Output.concat(args.log_group_arn, ":*"),
                ),
            },
        )
        # What is known by name alone stands by itself, so that a preview can read where those secrets come from.
        for kind, has_suffix in (("own", True), ("named", False)):
            secrets = [secret for secret in args.secrets.values() if secret.has_suffix is has_suffix]
            if secrets:
                arns = pulumi.Output.all(*(secret.policy_resource for secret in secrets)).apply(_once)
                # A secret that is known by name alone has a key of its owner's choice, whose policy admits this role.
                decrypt = {"DecryptSecrets": ("kms:Decrypt", args.secrets_key_arn)} if has_suffix else {}
                self._policy(
                    f"{name}-{kind}-secrets",
                    execution_role,
                    {"ReadSecrets": ("secretsmanager:GetSecretValue", arns), **decrypt},
                )
        task_role = self._role(f"{name}-task", "ecs-tasks.amazonaws.com")
        self._policy(
            f"{name}-task",
            task_role,
            {"KeepImages": (["s3:GetObject", "s3:PutObject"], pulumi.Output.concat(args.images_bucket_arn, "/*"))},
        )
        # AWS numbers keys, so a preview can't read this policy; the other one it can.
        self._policy(
            f"{name}-task-key",
            task_role,
            {"UseTheirKey": (["kms:Decrypt", "kms:GenerateDataKey"], args.buckets_key_arn)},
        )
        self.execution_role_arn = execution_role.arn
        self.task_role_arn = task_role.arn
        self.codedeploy_role_arn = None
        if args.enable_blue_green_deployment:
            self.codedeploy_role_arn = self._codedeploy_role(f"{name}-codedeploy", [execution_role, task_role])
        self.register_outputs({"executionRoleArn": self.execution_role_arn, "taskRoleArn": self.task_role_arn})

    def _codedeploy_role(self, name: str, passed: Sequence[aws.iam.Role]) -> pulumi.Output[str]:
        role = self._role(name, "codedeploy.amazonaws.com")
        partition = self._account.partition
        # The limited one of AWS's two: it reads no foreign buckets and calls only CodeDeployHook_* functions.
        aws.iam.RolePolicyAttachment(
            name,
            role=role.name,
            policy_arn=pulumi.Output.concat("arn:", partition, ":iam::aws:policy/AWSCodeDeployRoleForECSLimited"),
            opts=self._child(),
        )
        # Made from the names, which a preview knows, so that it can judge the policy.
        arns = [self._account.arn("iam::", pulumi.Output.concat("role/", other.name)) for other in passed]
        self._policy(name, role, {"PassRoles": ("iam:PassRole", arns)})
        return role.arn

    def _role(self, name: str, service: str) -> aws.iam.Role:
        return aws.iam.Role(
            name,
            assume_role_policy=trust_policy(service, self._account),
            permissions_boundary=self._boundary,
            tags=self._tags(),
            opts=self._child(),
        )

    def _policy(self, name: str, role: aws.iam.Role, statements: Mapping[str, tuple[Any, Any]]) -> None:
        """Allow a role some actions on some resources, by statement ID."""
        aws.iam.RolePolicy(
            name,
            role=role.name,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
                        for sid, (action, resource) in statements.items()
                    ],
                }
            ),
            opts=self._child(),
        )


def _once(texts: list[str]) -> list[str]:
    return sorted(set(texts))
