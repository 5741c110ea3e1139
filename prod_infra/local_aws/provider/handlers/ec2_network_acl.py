"""Network access lists with their rules and subnets."""

from __future__ import annotations

from typing import Any

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, found, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters, one_with_tags
from prod_infra.properties import Props

_LAST_RULE = 32767
"""AWS's own, which denies all the rest and can't be changed."""

_PROTOCOLS = {"-1": "-1", "all": "-1", "tcp": "6", "udp": "17", "icmp": "1"}
_RULE = frozenset(
    {"action", "cidrBlock", "fromPort", "icmpCode", "icmpType", "ipv6CidrBlock", "protocol", "ruleNo", "toPort"}
)


class NetworkAcl(Ec2Handler):
    """A network access list, its rules in line, and the subnets that it guards."""

    token = "aws:ec2/networkAcl:NetworkAcl"
    kind = "network-acl"
    not_found = "InvalidNetworkAclID.NotFound"
    inputs = frozenset({"egress", "ingress", "subnetIds", "tags", "vpcId"})
    nested_inputs = {"egress": _RULE, "ingress": _RULE}
    replace_on = frozenset({"vpcId"})
    set_inputs = frozenset({"egress", "ingress", "subnetIds"})
    outputs = frozenset({"arn", "egress", "ingress", "ownerId", "subnetIds", "tagsAll"})

    @classmethod
    def as_read(cls, inputs: Props) -> Props:
        """Return the inputs with each rule's protocol by its number, as AWS lists it."""
        given = {side: inputs[side] for side in ("egress", "ingress") if isinstance(inputs.get(side), list)}
        return {**inputs, **{side: [_numbered(rule) for rule in rules] for side, rules in given.items()}}

    def create(self, inputs: Props) -> str:
        """Create the list, its rules, and put it before its subnets."""
        ec2 = self.clients("ec2")
        answer = ec2.create_network_acl(VpcId=inputs["vpcId"], **self.tag_specification(inputs))
        acl_id = self.made(str(answer["NetworkAcl"]["NetworkAclId"]))
        self._set_rules(acl_id, {}, inputs)
        self._guard(acl_id, inputs.get("subnetIds") or [])
        return acl_id

    def _set_rules(self, acl_id: str, old: Props, new: Props) -> None:
        """Take away the rules that changed, then put the new ones: a number can't be held twice."""
        ec2 = self.clients("ec2")
        for side in ("egress", "ingress"):
            before = {rule["ruleNo"]: rule for rule in old.get(side) or ()}
            after = {rule["ruleNo"]: _numbered(rule) for rule in new.get(side) or ()}
            where = {"NetworkAclId": acl_id, "Egress": side == "egress"}
            for number in sorted(before):
                if before[number] != after.get(number):
                    ec2.delete_network_acl_entry(**where, RuleNumber=number)
            for number in sorted(after):
                if before.get(number) != after[number]:
                    ec2.create_network_acl_entry(**where, **_entry(after[number]))

    def _guard(self, acl_id: str, subnet_ids: list[str]) -> None:
        """Lead the subnets' associations from whichever list holds them to this one."""
        for subnet_id in subnet_ids:
            wanted = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
            answer = self.clients("ec2").describe_network_acls(Filters=wanted)
            for acl in answer["NetworkAcls"]:
                for use in acl["Associations"]:
                    if use["SubnetId"] == subnet_id and acl["NetworkAclId"] != acl_id:
                        self.clients("ec2").replace_network_acl_association(
                            AssociationId=use["NetworkAclAssociationId"], NetworkAclId=acl_id
                        )

    def _held(self, acl_id: str) -> Any | None:
        # moto answers with the code of route tables.
        said = found(
            lambda: self.clients("ec2").describe_network_acls(NetworkAclIds=[acl_id]),
            self.not_found,
            "InvalidRouteTableID.NotFound",
        )
        return said and said["NetworkAcls"][0]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the list without AWS's own last rule."""
        del state
        held = self._held(resource_id)
        if held is None:
            return None
        rules = [rule for rule in held["Entries"] if rule["RuleNumber"] != _LAST_RULE]
        return {
            "vpcId": held["VpcId"],
            "ownerId": held.get("OwnerId", ""),
            "arn": self.arn(held.get("OwnerId", ""), resource_id),
            "egress": [_rule(rule) for rule in rules if rule["Egress"]],
            "ingress": [_rule(rule) for rule in rules if not rule["Egress"]],
            "subnetIds": sorted(use["SubnetId"] for use in held["Associations"]),
            **tag_state(tags_of(held.get("Tags"))),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set rules, subnets and tags; a subnet that leaves goes back to the VPC's default list."""
        if changed & {"egress", "ingress"}:
            self._set_rules(resource_id, old, new)
        if "subnetIds" in changed:
            wanted = new.get("subnetIds") or []
            self._guard(self._default(old["vpcId"]), [gone for gone in old["subnetIds"] if gone not in wanted])
            self._guard(resource_id, wanted)
        self.update_tags(resource_id, old, new)

    def _default(self, vpc_id: str) -> str:
        wanted = [*filters(vpc_id=vpc_id), {"Name": "default", "Values": ["true"]}]
        return str(self.clients("ec2").describe_network_acls(Filters=wanted)["NetworkAcls"][0]["NetworkAclId"])

    def delete(self, resource_id: str, state: Props) -> None:
        """Give the subnets back to the VPC's default list, and delete this one."""
        held = self._held(resource_id)
        if held is None:
            return
        subnets = [use["SubnetId"] for use in held["Associations"]]
        if subnets:
            self._guard(self._default(state["vpcId"]), subnets)
        with absent_is_fine(self.not_found):
            self.clients("ec2").delete_network_acl(NetworkAclId=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the only list of the VPC with these tags."""
        held = self.clients("ec2").describe_network_acls(Filters=filters(vpc_id=inputs["vpcId"]))["NetworkAcls"]
        return one_with_tags([acl for acl in held if not acl["IsDefault"]], "NetworkAclId", inputs.get("tags"))


class DefaultNetworkAcl(NetworkAcl):
    """The list that AWS gives a VPC at birth, taken over: rules that are not given are removed."""

    token = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
    inputs = frozenset({"defaultNetworkAclId", "egress", "ingress", "tags"})
    replace_on = frozenset({"defaultNetworkAclId"})
    set_inputs = frozenset({"egress", "ingress"})
    outputs = frozenset({"arn", "ownerId", "subnetIds", "tagsAll", "vpcId"})

    def create(self, inputs: Props) -> str:
        """Make the list's rules exactly the given ones, and tag it."""
        acl_id = str(inputs["defaultNetworkAclId"])
        held = self.read(acl_id, inputs)
        if held is None:
            raise ProdInfraError(f"There is no network access list {acl_id}.", hint="check that its VPC exists")
        self.made(acl_id)
        self._set_rules(acl_id, held, inputs)
        self.update_tags(acl_id, held, inputs)
        return acl_id

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the list with the rules that are left."""
        held = super().read(resource_id, state)
        return held and {**held, "defaultNetworkAclId": resource_id}

    def delete(self, resource_id: str, state: Props) -> None:
        """Let go of the list: AWS deletes it with its VPC, and no sooner."""

    def find(self, inputs: Props) -> str | None:
        """Return the list's ID: it is always there."""
        return str(inputs["defaultNetworkAclId"])


def _numbered(rule: Props) -> Props:
    """Return a rule with its protocol by number; ports of a rule for all protocols mean nothing to AWS."""
    protocol = rule.get("protocol")
    return {**rule, "protocol": _PROTOCOLS.get(protocol, protocol)} if isinstance(protocol, str) else rule


def _entry(rule: Props) -> dict[str, Any]:
    """Return a rule as AWS takes it."""
    ports = {"PortRange": {"From": rule["fromPort"], "To": rule["toPort"]}} if rule["protocol"] in {"6", "17"} else {}
    icmp = {"IcmpTypeCode": {"Type": rule.get("icmpType", -1), "Code": rule.get("icmpCode", -1)}}
    return compact(
        {
            "RuleNumber": rule["ruleNo"],
            "RuleAction": rule["action"],
            "Protocol": rule["protocol"],
            "CidrBlock": rule.get("cidrBlock") or None,
            "Ipv6CidrBlock": rule.get("ipv6CidrBlock") or None,
            **ports,
            **(icmp if rule["protocol"] == "1" else {}),
        }
    )


def _rule(entry: Props) -> Props:
    """Return a rule as Pulumi has it."""
    ports, icmp = entry.get("PortRange") or {}, entry.get("IcmpTypeCode") or {}
    return compact(
        {
            "ruleNo": entry["RuleNumber"],
            "action": entry["RuleAction"],
            "protocol": entry["Protocol"],
            "cidrBlock": entry.get("CidrBlock"),
            "ipv6CidrBlock": entry.get("Ipv6CidrBlock"),
            "fromPort": ports.get("From", 0),
            "toPort": ports.get("To", 0),
            "icmpType": icmp.get("Type"),
            "icmpCode": icmp.get("Code"),
        }
    )


HANDLERS: tuple[type[Handler], ...] = (NetworkAcl, DefaultNetworkAcl)
