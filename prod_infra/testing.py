"""Tests for policy packs: a rule meets what the real server hands it, without an engine, a program or a network.

Properties are proxied, numbers are floats, unknowns raise where they are read, defaults of the configuration are filled
in, and a secret is what the SDK makes of it. A rule in three lines::

    with pack() as tester:
        verdict = tester.judge("docdb-backup-retention", resource("aws:docdb/cluster:Cluster", {...}))
        assert verdict.failed
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.policy.config import policy_config
from prod_infra.deployment.policy.findings import FindingReader
from prod_infra.deployment.policy.gate import PACK
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.policy.requests import analyze_request, stack_request
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import UNKNOWN as _UNKNOWN_ON_THE_WIRE
from prod_infra.errors import InvalidInputError
from prod_infra.properties import UNKNOWN, typed

__all__ = ["UNKNOWN", "PackUnderTest", "RuleVerdict", "pack", "resource"]


def _with_unknowns(value: PropertyValue) -> PropertyValue:
    """Return `value` with every string that marks an unknown on the wire made a real one."""
    inner = value.value
    if isinstance(inner, str) and inner == _UNKNOWN_ON_THE_WIRE:
        return PropertyValue.computed()
    if isinstance(inner, tuple):
        return value.with_value([_with_unknowns(item) for item in inner])
    if isinstance(inner, Mapping):
        return value.with_value({key: _with_unknowns(item) for key, item in inner.items()})
    return value


def import_classes(resources: Sequence[Registration]) -> None:
    """Import the classes of these types, so that a rule over the stack meets the outputs that a preview leaves unknown.

    A type that no installed package has is left alone: older names of a type are such.
    """
    for module in {found.type.partition("/")[0] for found in resources}:
        with suppress(ModuleNotFoundError):
            import_module(f"pulumi_{module.replace(':', '.')}")


def resource(
    type_: str,
    props: Mapping[str, Any] | None = None,
    *,
    name: str = "example",
    uses: Mapping[str, Sequence[Registration]] | None = None,
    secrets: Collection[str] = (),
    protect: bool = False,
) -> Registration:
    """Return a resource as a program registers it.

    Args:
        type_: type token, such as `aws:s3/bucket:Bucket`.
        props: properties with camelCase keys, `UNKNOWN` for what AWS has yet to decide, at any depth.
        name: logical name.
        uses: by property, the resources that its value was made from.
        secrets: properties that the program marks as secret.
        protect: whether Pulumi refuses to delete it.
    """
    return Registration(
        urn=f"urn:pulumi:prod::test::{type_}::{name}",
        type=type_,
        name=name,
        custom=True,
        inputs={key: _with_unknowns(value) for key, value in typed(props or {}, secrets).items()},
        property_dependencies={key: tuple(used.urn for used in found) for key, found in (uses or {}).items()},
        protect=protect,
    )


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule says of one example.

    Attributes:
        messages: a sentence for each fault.
        undecided: whether it met an unknown that it had to read.
        deferred: why it waits for `up`; empty where it doesn't.
        applies: whether it judges such a resource at all.
    """

    messages: tuple[str, ...]
    undecided: bool
    deferred: str
    applies: bool

    @property
    def passed(self) -> bool:
        """Whether it judged, and found nothing."""
        return self.applies and not (self.messages or self.deferred)

    @property
    def failed(self) -> bool:
        """Whether it found a fault."""
        return bool(self.messages) and not self.undecided


class PackUnderTest:
    """Asks a running pack; made by `pack`."""

    def __init__(self, process: PolicyProcess) -> None:
        self._process = process
        self._info = process.info()
        self._kinds = {policy.name: policy.policy_type for policy in self._info.policies}

    def judge(self, rule: str, *resources: Registration, config: Mapping[str, Any] | None = None) -> RuleVerdict:
        """Return a rule's verdict: on the first resource, or for a rule over the stack on all of them.

        Args:
            rule: the rule's name.
            resources: the example; the first is the one that a rule about one resource judges.
            config: the rule's own configuration, an enforcement level or properties; defaults are filled in.

        Raises:
            InvalidInputError: the pack has no such rule, or the configuration can't be right.
            PolicyError: the pack crashed or hung.
        """
        if rule not in self._kinds:
            raise InvalidInputError("The test can't be right", [f"The pack has no rule {rule}."])
        self._process.configure(policy_config(self._info, {rule: dict(config)} if config else {}))
        if self._kinds[rule] == analyzer_pb2.POLICY_TYPE_STACK:
            import_classes(resources)
            response = self._process.analyze_stack(stack_request(resources, {}))
        else:
            response = self._process.analyze(analyze_request(resources[0], {}))
        reader = FindingReader(self._info, resources)
        findings, skipped, _ = reader.read(response, resources[0].urn)
        own = [finding for finding in findings if finding.rule == rule]
        return RuleVerdict(
            messages=tuple(finding.message for finding in own),
            undecided=bool(own) and all(finding.undecided for finding in own),
            deferred=reader.deferred.get(rule, ""),
            applies=rule not in skipped or rule in reader.deferred,
        )

    def findings(self, *resources: Registration) -> list[str]:
        """Return the names of the rules that object to any of the resources, each once, sorted."""
        self._process.configure(policy_config(self._info, {}))
        reader = FindingReader(self._info, resources)
        for found in resources:
            reader.read(self._process.analyze(analyze_request(found, {})), found.urn)
        reader.read(self._process.analyze_stack(stack_request(resources, {})), "")
        return sorted({finding.rule for finding in reader.findings})


@contextmanager
def pack(folder: Path = PACK, *, timeout: float = 60) -> Iterator[PackUnderTest]:
    """Run a pack for the length of a `with` block, as the engine runs it.

    Args:
        folder: the pack's folder, with its `PulumiPolicy.yaml`.
        timeout: seconds that the pack may take to start, and for each answer.

    Raises:
        PolicyError: the pack did not start.
    """
    with PolicyProcess(folder, deadline=math.inf, timeout=timeout) as process:
        yield PackUnderTest(process)
