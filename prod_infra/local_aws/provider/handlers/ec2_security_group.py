"""Security groups with rules of their own, and the default group of a VPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters
from prod_infra.properties import Props

# Pulumi's list of peers -> EC2's list in a permission, and the key of one peer in it.
_PEERS: Final = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
_RULE: Final = frozenset({"description", "fromPort", "protocol", "self", "toPort", *_PEERS})
ALL_PROTOCOLS: Final = "-1"

Atom = tuple[str, int, int, str, str, str]
"""Protocol, first and last port, description, kind of peer, peer: what one rule of AWS holds."""


def _atoms(rule: Props, group_id: str) -> Iterator[Atom]:
    protocol = ALL_PROTOCOLS if rule["protocol"] in {ALL_PROTOCOLS, "all"} else str(rule["protocol"]).lower()
    ports = (0, 0) if protocol == ALL_PROTOCOLS else (int(rule.get("fromPort") or 0), int(rule.get("toPort") or 0))
    for kind in _PEERS:
        for peer in rule.get(kind) or ():
            yield (protocol, *ports, rule.get("description") or "", kind, peer)
    if rule.get("self"):
        yield (protocol, *ports, rule.get("description") or "", "securityGroups", group_id)


def _atoms_of(permissions: list[Mapping[str, Any]]) -> Iterator[Atom]:
    for item in permissions:
        ports = (item.get("FromPort", 0), item.get("ToPort", 0)) if item["IpProtocol"] != ALL_PROTOCOLS else (0, 0)
        for kind, (group, key) in _PEERS.items():
            for peer in item.get(group, []):
                yield (item["IpProtocol"], *ports, peer.get("Description", ""), kind, peer[key])


def _permission(atom: Atom) -> dict[str, Any]:
    protocol, first, last, description, kind, peer = atom
    group, key = _PEERS[kind]
    ports = {} if protocol == ALL_PROTOCOLS else {"FromPort": first, "ToPort": last}
    told = {"Description": description} if description else {}
    return {"IpProtocol": protocol, **ports, group: [{key: peer, **told}]}


def _rules(atoms: set[Atom], wanted: list[Props], group_id: str) -> list[Props]:
    """Return AWS's rules grouped as the known ones are: AWS itself keeps no grouping."""
    left, rules = set(atoms), []
    for rule in wanted:
        mine = set(_atoms(rule, group_id))
        if mine <= atoms:
            rules.append(rule)
            left -= mine
    grouped: dict[tuple[str, int, int, str], Props] = {}
    for protocol, first, last, description, kind, peer in sorted(left):
        rule = grouped.setdefault(
            (protocol, first, last, description),
            {"protocol": protocol, "fromPort": first, "toPort": last, "description": description},
        )
        if peer == group_id:
            rule["self"] = True
        else:
            rule.setdefault(kind, []).append(peer)
    return [*rules, *grouped.values()]


class _Rules(Ec2Handler):
    """What both kinds of group share: the rules in `ingress` and `egress`."""

    kind = "security-group"
    not_found = "InvalidGroup.NotFound"
    nested_inputs = {"ingress": _RULE, "egress": _RULE}
    set_inputs = frozenset(
        {"egress", "ingress", *(f"{side}.{kind}" for side in ("egress", "ingress") for kind in _PEERS)}
    )
    write_only = frozenset({"revokeRulesOnDelete"})

    def _set_rules(self, group: Mapping[str, Any], inputs: Props, sides: frozenset[str]) -> None:
        ec2, group_id = self.clients("ec2"), group["GroupId"]
        for side, permissions in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if side not in sides:
                continue
            held = set(_atoms_of(group[permissions]))
            wanted = {atom for rule in inputs.get(side) or () for atom in _atoms(rule, group_id)}
            if held - wanted:
                revoke = getattr(ec2, f"revoke_security_group_{side}")
                revoke(GroupId=group_id, IpPermissions=[_permission(atom) for atom in sorted(held - wanted)])
            if wanted - held:
                authorize = getattr(ec2, f"authorize_security_group_{side}")
                authorize(GroupId=group_id, IpPermissions=[_permission(atom) for atom in sorted(wanted - held)])

    def _group(self, resource_id: str) -> Any:
        return self.describe("describe_security_groups", "SecurityGroups", "GroupIds", resource_id)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group, and where the program gives its rules all of them, whoever made them."""
        group = self._group(resource_id)
        if group is None:
            return None
        return {
            "description": group["Description"],
            **{
                side: _rules(set(_atoms_of(group[permissions])), state.get(side) or [], resource_id)
                for side, permissions in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress"))
                # Without this, each rule resource would look like drift of its group.
                if side in state or side not in self.outputs
            },
            "name": group["GroupName"],
            "revokeRulesOnDelete": bool(state.get("revokeRulesOnDelete")),
            "vpcId": group["VpcId"],
            "arn": self.arn(group["OwnerId"], resource_id),
            "ownerId": group["OwnerId"],
            **tag_state(tags_of(group.get("Tags"))),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the rules and tags."""
        sides = changed & {"ingress", "egress"}
        if sides:
            self._set_rules(self._group(resource_id), new, sides)
        self.update_tags(resource_id, old, new)


class SecurityGroup(_Rules):
    """A security group; `ingress` and `egress` are managed only where they are given, else rule resources do."""

    token = "aws:ec2/securityGroup:SecurityGroup"
    inputs = frozenset({"description", "egress", "ingress", "name", "revokeRulesOnDelete", "tags", "vpcId"})
    replace_on = frozenset({"description", "name", "vpcId"})
    defaults = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False}
    outputs = frozenset({"arn", "egress", "ingress", "ownerId", "tagsAll", "vpcId"})
    auto_name = AutoName(max_length=255)

    def create(self, inputs: Props) -> str:
        """Create the group, take away the rule to anywhere that AWS gives it, and set its own rules."""
        ec2 = self.clients("ec2")
        vpc = {"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}
        answer = ec2.create_security_group(
            GroupName=inputs["name"], Description=inputs["description"], **vpc, **self.tag_specification(inputs)
        )
        group_id = self.made(answer["GroupId"])
        self.complete(group_id, inputs)
        return group_id

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Take away the rule to anywhere that AWS gives a new group, and set the group's own."""
        self._set_rules(self._group(resource_id), inputs, frozenset({"ingress", "egress"}))

    def find(self, inputs: Props) -> str | None:
        """Return the group with this name, of which a VPC can hold only one."""
        vpc = {"vpc_id": inputs["vpcId"]} if inputs.get("vpcId") else {}
        found = self.clients("ec2").describe_security_groups(Filters=filters(group_name=inputs["name"], **vpc))
        return str(found["SecurityGroups"][0]["GroupId"]) if found["SecurityGroups"] else None

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group; with `revokeRulesOnDelete` its rules go first, so that groups may name each other."""
        with absent_is_fine(self.not_found):
            group = self._group(resource_id)
            if group and state.get("revokeRulesOnDelete"):
                self._set_rules(group, {}, frozenset({"ingress", "egress"}))
            self.clients("ec2").delete_security_group(GroupId=resource_id)


class DefaultSecurityGroup(_Rules):
    """The group that AWS gives a VPC at birth, taken over: rules that are not given are removed."""

    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    inputs = frozenset({"egress", "ingress", "revokeRulesOnDelete", "tags", "vpcId"})
    replace_on = frozenset({"vpcId"})
    defaults = {"revokeRulesOnDelete": False}
    outputs = frozenset({"arn", "description", "name", "ownerId", "tagsAll", "vpcId"})

    def create(self, inputs: Props) -> str:
        """Find the VPC's default group, make its rules exactly the given ones, and tag it."""
        vpc_id = inputs.get("vpcId") or self._default_vpc()
        group_id = self.find({**inputs, "vpcId": vpc_id})
        if group_id is None:
            raise ProdInfraError(f"VPC {vpc_id} has no default security group.", hint="check that the VPC exists")
        group = self._group(self.made(group_id))
        self._set_rules(group, inputs, frozenset({"ingress", "egress"}))
        self.update_tags(group_id, {"tags": tags_of(group.get("Tags"))}, inputs)
        return group_id

    def _default_vpc(self) -> str:
        vpcs = self.clients("ec2").describe_vpcs(Filters=filters(is_default="true"))["Vpcs"]
        if not vpcs:
            raise ProdInfraError(f"{self.clients.region} has no default VPC.", hint="give the group's vpcId")
        return str(vpcs[0]["VpcId"])

    def find(self, inputs: Props) -> str | None:
        """Return the VPC's default group, which is always there."""
        vpc = inputs.get("vpcId") or self._default_vpc()
        found = self.clients("ec2").describe_security_groups(Filters=filters(group_name="default", vpc_id=vpc))
        return str(found["SecurityGroups"][0]["GroupId"]) if found["SecurityGroups"] else None

    def delete(self, resource_id: str, state: Props) -> None:
        """Let go of the group: AWS deletes it with its VPC, and no sooner."""


HANDLERS = (SecurityGroup, DefaultSecurityGroup)
