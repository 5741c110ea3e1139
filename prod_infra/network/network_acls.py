"""Network access lists: what may cross a tier's border at all, whatever a security group says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.network.security_groups import HTTP, HTTPS
from prod_infra.network.vpc import ANYWHERE

Rule = tuple[str, int, int]
"""Address block, first and last port."""

EPHEMERAL: Final = ((1024, 3388), (3390, 65535))
"""Ports on which load balancers and NAT gateways get their answers (VPC guide, "Ephemeral ports").

Without 3389: FSBP EC2.21 wants no list to admit the world to remote desktops. A NAT gateway that happens to choose that
one of its 64,512 ports for a connection gets no answer, and the client tries again.
"""

TASK_EPHEMERAL: Final = (32768, 65535)
"""Ports on which Linux tasks get theirs."""


@dataclass(frozen=True, kw_only=True)
class NetworkAclsArgs(ComponentArgs):
    """Arguments of `NetworkAcls`.

    Attributes:
        vpc_id: the VPC's ID.
        vpc_cidr: its block.
        default_acl_id: the list that AWS gave it at birth.
        public_subnet_ids: subnets of load balancer and NAT gateways.
        private_subnet_ids: subnets of tasks, database and endpoints.
        app_port: port on which tasks listen.
        database_port: port of DocumentDB.
        enable_http: admit port 80.
        test_listener_port: port of the test listener; None where there is none.
    """

    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    default_acl_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    app_port: int = 8080
    database_port: int = 27017
    enable_http: bool = False
    test_listener_port: int | None = None


class NetworkAcls(Component):
    """A list for the public tier and one for the private tier, each with the ports that the tier needs and no other.

    A list remembers no connection, so the way back is a rule of its own, by the ports on which clients await answers.
    Testers of the next version leave the private tier for the test listener, and so come from the world's side.
    The VPC's own list, which admits everything, is emptied: a subnet that someone forgets to place reaches nothing.

    Attributes:
        public_id: the public tier's list.
        private_id: the private tier's list.
    """

    pulumi_type = "prod_infra:network:NetworkAcls"

    public_id: pulumi.Output[str]
    private_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkAclsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        vpc = args.vpc_cidr
        test = [] if args.test_listener_port is None else [(ANYWHERE, args.test_listener_port, args.test_listener_port)]
        http = [(ANYWHERE, HTTP, HTTP)] if args.enable_http else []
        https: Rule = (ANYWHERE, HTTPS, HTTPS)
        answers = [(ANYWHERE, *ports) for ports in EPHEMERAL]
        public = self._tier(
            f"{name}-public",
            args.vpc_id,
            args.public_subnet_ids,
            ingress=[https, *http, *test, *answers],
            egress=[https, *test, (vpc, args.app_port, args.app_port), (ANYWHERE, 1024, 65535)],
        )
        database: Rule = (vpc, args.database_port, args.database_port)
        private = self._tier(
            f"{name}-private",
            args.vpc_id,
            args.private_subnet_ids,
            ingress=[
                (vpc, HTTPS, HTTPS),
                (vpc, args.app_port, args.app_port),
                database,
                (ANYWHERE, *TASK_EPHEMERAL),
            ],
            egress=[https, *test, database, (vpc, 1024, 65535)],
        )
        aws.ec2.DefaultNetworkAcl(
            f"{name}-default",
            default_network_acl_id=args.default_acl_id,
            tags=self._tags(f"{name}-default"),
            # Not before the subnets have left it; and the provider can't take a subnet away from it anyway.
            opts=self._child(depends_on=[public, private], ignore_changes=["subnetIds"]),
        )
        self.public_id, self.private_id = public.id, private.id
        self.register_outputs({"publicId": self.public_id, "privateId": self.private_id})

    def _tier(
        self,
        name: str,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        *,
        ingress: Sequence[Rule],
        egress: Sequence[Rule],
    ) -> aws.ec2.NetworkAcl:
        def numbered(rules: Sequence[Rule]) -> list[dict[str, Any]]:
            # Steps of ten leave room for what someone has to block in a hurry.
            return [
                {"rule_no": 100 + 10 * index, "cidr_block": block, "from_port": first, "to_port": last}
                for index, (block, first, last) in enumerate(rules)
            ]

        return aws.ec2.NetworkAcl(
            name,
            vpc_id=vpc_id,
            subnet_ids=list(subnet_ids),
            ingress=[
                aws.ec2.NetworkAclIngressArgs(action="allow", protocol="tcp", **rule) for rule in numbered(ingress)
            ],
            egress=[aws.ec2.NetworkAclEgressArgs(action="allow", protocol="tcp", **rule) for rule in numbered(egress)],
            tags=self._tags(name),
            opts=self._child(),
        )
