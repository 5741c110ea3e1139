"""What differs between AWS and the declared state, found without changing either."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.drift.owners import Owners
from prod_infra.deployment.drift.trail import Trail
from prod_infra.deployment.engine import ChangeKind, Engine, PropertyChange, Reading
from prod_infra.deployment.property_paths import text
from prod_infra.errors import StateError

_GROUPS: Final = {"aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"}


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """One resource that is not as declared.

    Attributes:
        urn: Pulumi's name of it.
        id: AWS's.
        missing: whether AWS has it no longer.
        properties: what differs, by path: `old` is declared and `new` is AWS's; secrets masked. Empty where missing.
        owner: who changes this by design, and why; empty: it is drift.
        last_change: who changed the resource last, where CloudTrail tells; empty where an owner explains it.
    """

    urn: str
    id: str
    missing: bool
    properties: tuple[PropertyChange, ...]
    owner: str = ""
    last_change: str = ""

    @property
    def type(self) -> str:
        """Type token, such as `aws:s3/bucketPolicy:BucketPolicy`."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def service(self) -> str:
        """Pulumi's module of the type, such as `s3`; the package where it has only one, such as `random`."""
        return _service(self.type)

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.split("::", 3)[3]

    @property
    def summary(self) -> str:
        """One line: what it is, and what is wrong with it."""
        what = "is gone" if self.missing else ", ".join(_shown(found) for found in self.properties)
        return f"{self.type} {self.name}: {what}"


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """What one look found.

    Attributes:
        services: how many resources were read, by `Drifted.service`.
        drifted: what is not as declared.
        by_design: differences that have an owner.
        warnings: what makes the answer doubtful or less than whole.
    """

    services: Mapping[str, int]
    drifted: tuple[Drifted, ...]
    by_design: tuple[Drifted, ...]
    warnings: tuple[str, ...]

    @property
    def resources(self) -> int:
        """How many were read."""
        return sum(self.services.values())

    def as_json(self) -> dict[str, Any]:
        """Return JSON."""
        return {
            "resources": self.resources,
            "drifted": [{**_as_json(found), "last_change": found.last_change} for found in self.drifted],
            "by_design": [{**_as_json(found), "owner": found.owner} for found in self.by_design],
            "warnings": list(self.warnings),
        }


def find(engine: Engine, clients: AwsClients) -> DriftReport:
    """Read every resource of the stack and tell what is not as the last `up` left it. Changes nothing.

    Args:
        engine: of the stack.
        clients: boto3 clients of the same AWS: for rules that were added to security groups, and for CloudTrail.

    Raises:
        StateError: there is no state, so nothing is declared; or it is broken.
        DeploymentError: a resource can't be read.
    """
    inspection = engine.inspect()
    if not inspection.readings:
        raise StateError(
            "There is no state of this stack here: nothing is declared that AWS could differ from.",
            hint="run it in the directory from which the stack was deployed, or deploy it first",
        )
    owners, trail = Owners(inspection.readings), Trail(clients)
    added = _added_rules(inspection.readings, clients)
    drifted: list[Drifted] = []
    by_design: list[Drifted] = []
    for reading in inspection.readings:
        missing = reading.change.kind is ChangeKind.DELETE
        differences: dict[str, list[PropertyChange]] = defaultdict(list)
        for found in reading.change.properties:
            differences[owners.owner(reading, found.path)].append(found)
        differences[""] += added.get(reading.id, [])
        own = tuple(differences.pop(""))
        # An ID that is another one without any property that differs was made anew by somebody.
        replaced = reading.change.kind is ChangeKind.UPDATE and not reading.change.properties
        if own or missing or replaced:
            last = trail.last_change(reading)
            drifted.append(
                Drifted(urn=reading.change.urn, id=reading.id, missing=missing, properties=own, last_change=last)
            )
        by_design += [
            Drifted(urn=reading.change.urn, id=reading.id, missing=False, properties=tuple(group), owner=owner)
            for owner, group in differences.items()
        ]
    return DriftReport(
        services=Counter(_service(reading.change.type) for reading in inspection.readings),
        drifted=tuple(drifted),
        by_design=tuple(by_design),
        warnings=(*inspection.warnings, *filter(None, [trail.warning])),
    )


def _added_rules(readings: Sequence[Reading], clients: AwsClients) -> dict[str, list[PropertyChange]]:
    """Return the rules of declared security groups that nobody declared, by group: no resource would show them."""
    known = {reading.id for reading in readings} | {
        str(reading.actual["securityGroupRuleId"]) for reading in readings if "securityGroupRuleId" in reading.actual
    }
    groups = {reading.id: reading for reading in readings if reading.change.type in _GROUPS and reading.actual}
    found: dict[str, list[PropertyChange]] = defaultdict(list)
    for group, reading in groups.items():
        pages = (
            clients("ec2", reading.actual.get("region"))
            .get_paginator("describe_security_group_rules")
            .paginate(Filters=[{"Name": "group-id", "Values": [group]}])
        )
        for rule in (rule for page in pages for rule in page["SecurityGroupRules"]):
            side = "egress" if rule["IsEgress"] else "ingress"
            # A group that declares its rules itself shows them as its own properties.
            if rule["SecurityGroupRuleId"] not in known and not reading.declared.get(side):
                path = text((side, rule["SecurityGroupRuleId"]))
                found[group].append(PropertyChange(path=path, new=_rule(rule)))
    return found


def _service(token: str) -> str:
    package, module, _ = token.split(":")
    service = module.partition("/")[0]
    return package if service == "index" else service


def _rule(rule: dict[str, Any]) -> str:
    peers = (*(rule.get(key) for key in ("CidrIpv4", "CidrIpv6", "PrefixListId")),)
    peer = next(filter(None, peers), None) or rule.get("ReferencedGroupInfo", {}).get("GroupId")
    ports = "" if rule["IpProtocol"] == "-1" else f" {rule.get('FromPort')}-{rule.get('ToPort')}"
    return f"{'all' if rule['IpProtocol'] == '-1' else rule['IpProtocol']}{ports}, {peer}"


def _as_json(found: Drifted) -> dict[str, Any]:
    return {
        "urn": found.urn,
        "type": found.type,
        "name": found.name,
        "id": found.id,
        "missing": found.missing,
        "properties": [{"path": each.path, "declared": each.old, "actual": each.new} for each in found.properties],
    }


def _value(value: Any) -> str:
    return "(absent)" if value is None else json.dumps(value)


def _shown(found: PropertyChange) -> str:
    return f"{found.path} is {_value(found.new)}, declared {_value(found.old)}"


def show(report: DriftReport, console: Console) -> None:
    """Print what drifted, property by property, then what is so by design, in short."""

    def line(*parts: str | tuple[str, str]) -> None:
        console.print(Text.assemble(*parts), soft_wrap=True)

    for found in report.drifted:
        sign, style = ("-", "red") if found.missing else ("~", "yellow")
        line((f"{sign} {'missing' if found.missing else 'changed'} ", style), f"{found.type}  ", (found.name, "bold"))
        line((f"    {found.id}; last changed by {found.last_change}", "dim"))
        for each in found.properties:
            line(f"    {each.path}: declared {_value(each.old)}, actual {_value(each.new)}")
    for found in report.by_design:
        paths = ", ".join(each.path for each in found.properties)
        line(("= by design ", "dim"), f"{found.type}  {found.name}  ", (f"{paths} ({found.owner})", "dim"))
    _warn(report.warnings, console)
    verdict = f"{len(report.drifted)} drifted" if report.drifted else "no drift"
    line((f"{report.resources} resources read: {verdict}", "bold"))


def _warn(warnings: Iterable[str], console: Console) -> None:
    for warning in warnings:
        console.print(Text.assemble(("! ", "yellow"), warning), soft_wrap=True)
