"""Rules of security groups, each a resource."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler, filters
from prod_infra.local_aws.provider.handlers.ec2_security_group import ALL_PROTOCOLS
from prod_infra.properties import Props

# Pulumi's property -> EC2's list in a permission, and the key of one peer in it.
_PEERS: Final = {
    "cidrIpv4": ("IpRanges", "CidrIp"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}


class _SecurityGroupRule(Ec2Handler):
    """One rule: a protocol, ports, and exactly one peer."""

    kind = "security-group-rule"
    not_found = "InvalidSecurityGroupRuleId.NotFound"
    inputs = frozenset({"description", "fromPort", "ipProtocol", "securityGroupId", "tags", "toPort", *_PEERS})
    replace_on = frozenset({"securityGroupId"})
    outputs = frozenset({"arn", "securityGroupRuleId", "tagsAll"})
    direction: ClassVar[str]

    def faults(self, inputs: Props) -> dict[str, str]:
        """A rule has one peer; all protocols means all ports, any other protocol needs them."""
        found = {}
        given = [name for name in _PEERS if inputs.get(name)]
        if len(given) != 1:
            found[next(iter(given), "cidrIpv4")] = (
                f"a rule needs exactly one peer, and this one has {len(given)}: give one of {', '.join(_PEERS)}"
            )
        ports = [name for name in ("fromPort", "toPort") if inputs.get(name) is not None]
        if inputs.get("ipProtocol") == ALL_PROTOCOLS and ports:
            found[ports[0]] = "a rule for all protocols covers all ports: leave fromPort and toPort out"
        if inputs.get("ipProtocol") in {"tcp", "udp"} and len(ports) < 2:  # noqa: PLR2004  from and to
            found["fromPort"] = "a rule for tcp or udp needs fromPort and toPort"
        return found

    def create(self, inputs: Props) -> str:
        """Add the rule to its group."""
        peer, (group, key) = next((inputs[name], place) for name, place in _PEERS.items() if inputs.get(name))
        permission: dict[str, Any] = {"IpProtocol": inputs["ipProtocol"], group: [{key: peer}]}
        if inputs.get("description"):
            permission[group][0]["Description"] = inputs["description"]
        if inputs["ipProtocol"] != ALL_PROTOCOLS:
            permission |= {"FromPort": inputs["fromPort"], "ToPort": inputs["toPort"]}
        authorize = getattr(self.clients("ec2"), f"authorize_security_group_{self.direction}")
        answer = authorize(
            GroupId=inputs["securityGroupId"], IpPermissions=[permission], **self.tag_specification(inputs)
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the rule."""
        del state
        rule = self.describe("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleIds", resource_id)
        return None if rule is None else self._shown(rule)

    def _shown(self, rule: dict[str, Any]) -> Props:
        every = rule["IpProtocol"] == ALL_PROTOCOLS
        rule_id = rule["SecurityGroupRuleId"]
        return {
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "description": rule.get("Description"),
            "fromPort": None if every else rule.get("FromPort"),
            "ipProtocol": rule["IpProtocol"],
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "securityGroupId": rule["GroupId"],
            "toPort": None if every else rule.get("ToPort"),
            "arn": self.arn(rule.get("GroupOwnerId", ACCOUNT_ID), rule_id),
            "securityGroupRuleId": rule_id,
            **tag_state(tags_of(rule.get("Tags"))),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the group's rule with this protocol, these ports and this peer; AWS allows only one."""
        answer = self.clients("ec2").describe_security_group_rules(Filters=filters(group_id=inputs["securityGroupId"]))
        names = ("fromPort", "ipProtocol", "toPort", *_PEERS)
        for rule in answer["SecurityGroupRules"]:
            shown = self._shown(rule)
            if rule["IsEgress"] == (self.direction == "egress") and all(
                shown.get(name) == inputs.get(name) for name in names
            ):
                return str(rule["SecurityGroupRuleId"])
        return None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Rewrite the rule in place; set the tags."""
        if changed - {"tags"}:
            every = new["ipProtocol"] == ALL_PROTOCOLS
            peer = {
                "cidrIpv4": "CidrIpv4",
                "cidrIpv6": "CidrIpv6",
                "prefixListId": "PrefixListId",
                "referencedSecurityGroupId": "ReferencedGroupId",
            }
            rule = {
                "IpProtocol": new["ipProtocol"],
                "FromPort": -1 if every else new["fromPort"],
                "ToPort": -1 if every else new["toPort"],
                "Description": new.get("description") or "",
                **{argument: new[name] for name, argument in peer.items() if new.get(name)},
            }
            self.clients("ec2").modify_security_group_rules(
                GroupId=new["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule}],
            )
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Remove the rule from its group."""
        revoke = getattr(self.clients("ec2"), f"revoke_security_group_{self.direction}")
        with absent_is_fine(self.not_found, "InvalidPermission.NotFound", "InvalidGroup.NotFound"):
            revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[resource_id])


class SecurityGroupIngressRule(_SecurityGroupRule):
    """A rule for what comes in."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


class SecurityGroupEgressRule(_SecurityGroupRule):
    """A rule for what goes out."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"


HANDLERS = (SecurityGroupIngressRule, SecurityGroupEgressRule)
