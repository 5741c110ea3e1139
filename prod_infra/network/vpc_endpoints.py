"""VPC endpoints: AWS services that tasks reach without leaving the VPC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.network.security_groups import HTTPS
from prod_infra.operations.account import account_of

INTERFACE_SERVICES: Final = {
    "logs": "logs",
    "ecr-api": "ecr.api",
    "ecr-docker": "ecr.dkr",
    "secrets-manager": "secretsmanager",
}
"""What a starting task needs besides S3, which holds the image layers (ECR guide, "Interface VPC endpoints")."""


@dataclass(frozen=True, kw_only=True)
class VpcEndpointsArgs(ComponentArgs):
    """Arguments of `VpcEndpoints`.

    Attributes:
        region: AWS region, part of the services' names.
        vpc_id: the VPC's ID.
        private_subnet_ids: subnet ID by zone name.
        private_route_table_ids: route table ID by zone name.
        tasks_security_group_id: the tasks' group, the only one that the endpoints admit.
    """

    region: str
    vpc_id: pulumi.Input[str]
    private_subnet_ids: Mapping[str, pulumi.Input[str]]
    private_route_table_ids: Mapping[str, pulumi.Input[str]]
    tasks_security_group_id: pulumi.Input[str]


class VpcEndpoints(Component):
    """A gateway endpoint for S3, and interface endpoints for logs, images and secrets, open to the tasks on 443.

    Each serves this account's own roles alone, so that nobody carries data out with the keys of another account.

    Attributes:
        security_group_id: the interface endpoints' group.
        endpoint_ids: endpoint ID by short name: `s3`, `logs`, `ecr-api`, `ecr-docker`, `secrets-manager`.
    """

    pulumi_type = "prod_infra:network:VpcEndpoints"

    security_group_id: pulumi.Output[str]
    endpoint_ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: VpcEndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        account = account_of(self)
        own = {"Condition": {"StringEquals": {"aws:PrincipalAccount": account.id}}}
        layers = pulumi.Output.concat("arn:", account.partition, f":s3:::prod-{args.region}-starport-layer-bucket/*")
        s3 = aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=args.vpc_id,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=list(args.private_route_table_ids.values()),
            policy=_policy(
                {"Action": "*", "Resource": "*", **own},
                # Image layers come from a bucket of ECR's by links that ECR signed (ECR guide, "Minimum Amazon S3
                # bucket permissions for Amazon ECR").
                {"Action": "s3:GetObject", "Resource": layers},
            ),
            tags=self._tags(f"{name}-s3"),
            opts=self._child(),
        )
        self.security_group_id = aws.ec2.SecurityGroup(
            name, vpc_id=args.vpc_id, description="VPC endpoints", tags=self._tags(name), opts=self._child()
        ).id
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=self.security_group_id,
            description="HTTPS from tasks",
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            referenced_security_group_id=args.tasks_security_group_id,
            tags=self._tags(name),
            opts=self._child(),
        )
        self._egress(name, "HTTPS to endpoints", args, referenced_security_group_id=self.security_group_id)
        self._egress(f"{name}-s3", "HTTPS to S3", args, prefix_list_id=s3.prefix_list_id)
        self.endpoint_ids = {"s3": s3.id}
        for short_name, service in INTERFACE_SERVICES.items():
            self.endpoint_ids[short_name] = aws.ec2.VpcEndpoint(
                f"{name}-{short_name}",
                vpc_id=args.vpc_id,
                service_name=f"com.amazonaws.{args.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=list(args.private_subnet_ids.values()),
                security_group_ids=[self.security_group_id],
                private_dns_enabled=True,
                policy=_policy({"Action": "*", "Resource": "*", **own}),
                tags=self._tags(f"{name}-{short_name}"),
                opts=self._child(),
            ).id
        self.register_outputs({"securityGroupId": self.security_group_id, "endpointIds": self.endpoint_ids})

    def _egress(self, name: str, description: str, args: VpcEndpointsArgs, **target: pulumi.Input[str]) -> None:
        """Let the tasks out to one target; these rules stay when someone takes away their way to the internet."""
        aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=args.tasks_security_group_id,
            description=description,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            tags=self._tags(name),
            opts=self._child(),
            **target,
        )


def _policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """Return a policy, as JSON, of what an endpoint lets through."""
    allowed = [{"Effect": "Allow", "Principal": "*", **statement} for statement in statements]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": allowed})
