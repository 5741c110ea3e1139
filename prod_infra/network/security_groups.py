"""Security groups: who may speak to whom, along the chain CloudFront, load balancer, tasks, database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.network.vpc import ANYWHERE

CLOUDFRONT_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"
"""Addresses from which CloudFront fetches; AWS keeps the list (CloudFront guide, "AWS-managed prefix list")."""

HTTPS = 443
HTTP = 80


@dataclass(frozen=True, kw_only=True)
class SecurityGroupsArgs(ComponentArgs):
    """Arguments of `SecurityGroups`.

    Attributes:
        vpc_id: the VPC's ID.
        app_port: port on which tasks listen.
        database_port: port of DocumentDB.
        enable_http: admit port 80 from CloudFront, in a group of its own.
        test_listener_port: port of the test listener; None where there is none.
        tester_ips: public address by name of whoever may reach the test listener.
    """

    vpc_id: pulumi.Input[str]
    app_port: int = 8080
    database_port: int = 27017
    enable_http: bool = False
    test_listener_port: int | None = None
    tester_ips: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class SecurityGroups(Component):
    """Three groups whose rules name each other: CloudFront → load balancer → tasks → database, and nothing else.

    The test listener shows a version that no customer has seen. Whoever tests it (a CodeDeploy hook, a runbook's
    probe) runs in the private subnets and reaches the internet-facing load balancer through the NAT gateways, so their
    addresses, `tester_ips`, are all that it admits.

    The CloudFront prefix list counts as 55 rules of a group's 60 (CloudFront guide, "AWS-managed prefix list"), which
    is why port 80 has a group of its own.

    Attributes:
        alb_id: the load balancer's group.
        alb_ids: that group and, with `enable_http`, the one that admits port 80.
        tasks_id: the tasks' group.
        database_id: the database's group.
    """

    pulumi_type = "prod_infra:network:SecurityGroups"

    alb_id: pulumi.Output[str]
    alb_ids: list[pulumi.Output[str]]
    tasks_id: pulumi.Output[str]
    database_id: pulumi.Output[str]

    def __init__(self, name: str, args: SecurityGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        cloudfront = aws.ec2.get_managed_prefix_list_output(
            name=CLOUDFRONT_PREFIX_LIST, opts=pulumi.InvokeOutputOptions(parent=self)
        ).id
        self.alb_id = self._group(f"{name}-alb", "Load balancer", args.vpc_id)
        self.tasks_id = self._group(f"{name}-tasks", "Tasks", args.vpc_id)
        self.database_id = self._group(f"{name}-database", "Database", args.vpc_id)
        self._ingress(f"{name}-alb-https", "HTTPS from CloudFront", self.alb_id, HTTPS, prefix_list_id=cloudfront)
        self.alb_ids = [self.alb_id]
        if args.enable_http:
            http_id = self._group(f"{name}-alb-http", "Load balancer, port 80", args.vpc_id)
            self._ingress(f"{name}-alb-http", "HTTP from CloudFront", http_id, HTTP, prefix_list_id=cloudfront)
            self.alb_ids.append(http_id)
        if args.test_listener_port is not None:
            for tester, address in args.tester_ips.items():
                self._ingress(
                    f"{name}-alb-test-{tester}",
                    f"Test listener from {tester}",
                    self.alb_id,
                    args.test_listener_port,
                    cidr_ipv4=pulumi.Output.concat(address, "/32"),
                )
        self._allow(f"{name}-alb-to-tasks", "Requests to tasks", self.alb_id, self.tasks_id, args.app_port)
        self._allow(f"{name}-tasks-to-database", "Queries", self.tasks_id, self.database_id, args.database_port)
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-tasks-to-internet",
            security_group_id=self.tasks_id,
            description="HTTPS to other services, through NAT",
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            cidr_ipv4=ANYWHERE,
            tags=self._tags(f"{name}-tasks-to-internet"),
            opts=self._child(),
        )
        self.register_outputs({"albId": self.alb_id, "tasksId": self.tasks_id, "databaseId": self.database_id})

    def _group(self, name: str, description: str, vpc_id: pulumi.Input[str]) -> pulumi.Output[str]:
        return aws.ec2.SecurityGroup(
            name, vpc_id=vpc_id, description=description, tags=self._tags(name), opts=self._child()
        ).id

    def _ingress(
        self,
        name: str,
        description: str,
        group_id: pulumi.Input[str],
        port: int,
        **source: pulumi.Input[str],
    ) -> None:
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group_id,
            description=description,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            tags=self._tags(name),
            opts=self._child(),
            **source,
        )

    def _allow(
        self, name: str, description: str, source: pulumi.Output[str], target: pulumi.Output[str], port: int
    ) -> None:
        """Let one group speak to another: out of the one and into the other."""
        self._ingress(name, description, target, port, referenced_security_group_id=source)
        aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=source,
            description=description,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=target,
            tags=self._tags(name),
            opts=self._child(),
        )
