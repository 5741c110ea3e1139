"""The mutation proof: weaken the environment in every place, one at a time, and see which rules notice.

`nox -s policy-proof` writes docs/policy-coverage.md. A mutation that no rule notices must be in `harmless.py` with its
reason, and an excuse that excuses nothing must go; else this program ends with 1. The rules run in this process on what
the SDK's server would hand them, because asking the pack's own process about the whole stack thousands of times would
take hours.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import PolicyResource, PolicyResourceOptions
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from policies.graph import Stack
from policies.rule import ResourceRule, StackRule
from policies.rules import ALL_RULES
from prod_infra.deployment.policy.requests import stack_request
from prod_infra.deployment.program import evaluate
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.program.wire import to_struct
from prod_infra.deployment.project import packaged
from prod_infra.errors import PolicyError
from tests.policies.harmless import HARMLESS
from tests.policies.mutations import Mutation, mutations
from tests.policies.settings_changes import Outcome, changes, outcome

REPORT: Final = Path(__file__).resolve().parents[2] / "docs" / "policy-coverage.md"


class Judge:
    """Asks every rule about the environment with some resources changed."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._registrations = {found.urn: found for found in registrations}
        request = stack_request(registrations, self._registrations)
        self._stack = {found.urn: _resource(found, found.properties) for found in request.resources}
        self._computed = {
            found.urn: found.properties.fields.keys() - self._registrations[found.urn].inputs.keys()
            for found in request.resources
        }

    def fired(self, mutation: Mutation | None) -> frozenset[str]:
        """Return the rules that object to the environment after a mutation, or to the environment as it is."""
        changes = mutation.changes if mutation else dict(self._registrations)
        stack = dict(self._stack)
        for urn, found in changes.items():
            if found is None:
                del stack[urn]
            elif mutation:
                # What is removed is, in a preview, an output that AWS has yet to decide.
                gone = [*self._computed[urn], *self._registrations[urn].inputs]
                unknown = dict.fromkeys(gone, PropertyValue.computed())
                stack[urn] = _resource(found, to_struct({**unknown, **found.inputs}))
        for urn, resource in stack.items():
            links = (changes.get(urn) or self._registrations[urn]).property_dependencies
            resource.property_dependencies = {
                key: [stack[used] for used in urns if used in stack] for key, urns in links.items()
            }
        everything = Stack(list(stack.values()))
        fired = {rule.id for rule in ALL_RULES if isinstance(rule, StackRule) and _objects_stack(rule, everything)}
        changed = [_resource(found, to_struct(found.inputs)) for found in changes.values() if found]
        for rule in ALL_RULES:
            if isinstance(rule, ResourceRule):
                own = [resource.props for resource in changed if resource.resource_type in rule.on]
                fired |= {rule.id for props in own if _objects(rule, props)}
        return frozenset(fired)


def _resource(found: Registration | analyzer_pb2.AnalyzerResource, struct: struct_pb2.Struct) -> PolicyResource:
    protect = found.protect if isinstance(found, Registration) else found.options.protect
    options = PolicyResourceOptions(protect, [], None, [], None, [])  # type: ignore[arg-type]
    return PolicyResource(found.type, _proxied(struct), found.urn, found.name, options, None, None, [], {})


def _proxied(struct: struct_pb2.Struct) -> Mapping[str, Any]:
    return unknown_checking_proxy(deserialize_properties(json_format.MessageToDict(struct)))


def _objects(rule: ResourceRule, props: Mapping[str, Any]) -> bool:
    try:
        return any(True for _ in rule.check(props))
    except UnknownValueError:
        return not rule.deferred


def _objects_stack(rule: StackRule, stack: Stack) -> bool:
    try:
        return any(True for subject in stack.of(rule.on) for _ in rule.check(subject, stack))
    except UnknownValueError:
        return True


@dataclass(frozen=True)
class Finding:
    """What the pack says of one kind of mutation of some resources of a type.

    Attributes:
        place: type token without `aws:`, and the path in its inputs.
        what: what was done.
        names: the resources' names; none where all that have the place are meant.
        rules: those that notice.
        reason: why none has to, where none does; empty where nobody has said so.
    """

    place: str
    what: str
    names: tuple[str, ...]
    rules: tuple[str, ...]
    reason: str

    @property
    def row(self) -> str:
        """One line of the report's table."""
        place = f"{self.place} of {', '.join(self.names)}" if self.names else self.place
        verdict = ", ".join(self.rules) or self.reason or "**no reason given**"
        return _row((place, self.what, verdict))


def excuses(mutation: Mutation) -> list[str]:
    """Return the patterns of `HARMLESS` that speak of a mutation."""
    return [pattern for pattern in HARMLESS if fnmatch.fnmatchcase(f"{mutation.place} {mutation.what}", pattern)]


def kills(registrations: Sequence[Registration]) -> list[tuple[Mutation, frozenset[str]]]:
    """Return every mutation with the rules that notice it.

    Raises:
        PolicyError: the environment itself does not pass, so that the proof would prove nothing.
    """
    judge = Judge(registrations)
    if judge.fired(None):
        raise PolicyError("The environment itself does not pass.", hint="run `prod-infra policy`")
    return [(mutation, judge.fired(mutation)) for mutation in mutations(registrations)]


def reason(mutation: Mutation) -> str:
    """Return why a mutation that no rule notices does no harm; empty where nobody has said so."""
    found = excuses(mutation)
    return HARMLESS[found[0]] if found else mutation.refused


def findings(found: Sequence[tuple[Mutation, frozenset[str]]]) -> list[Finding]:
    """Return one finding for each kind of mutation, or several where resources of one type fare differently."""
    kinds: dict[tuple[str, str], dict[tuple[frozenset[str], str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for mutation, rules in found:
        why = "" if rules else reason(mutation)
        kinds[mutation.kind][rules, why].append(mutation.urn.rpartition("::")[2])
    return [
        Finding(place, what, tuple(names) if len(verdicts) > 1 else (), tuple(sorted(rules)), why)
        for (place, what), verdicts in kinds.items()
        for (rules, why), names in verdicts.items()
    ]


def faults(found: Sequence[tuple[Mutation, frozenset[str]]]) -> Iterator[str]:
    """Yield a sentence for each mutation spared without a reason, and each excuse that excuses nothing."""
    used: set[str] = set()
    for mutation, rules in found:
        if not rules:
            used.update(excuses(mutation)[:1])
            if not reason(mutation):
                yield f"no rule notices: {mutation.place} {mutation.what} ({mutation.urn.rpartition('::')[2]})"
    yield from (f"the excuse excuses nothing: {pattern}" for pattern in HARMLESS if pattern not in used)


def environment(**settings: object) -> tuple[Registration, ...]:
    """Return what the environment registers with these settings."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
    return evaluate.register(packaged(config={f"prod-infra:{name}": text for name, text in texts.items()}))


def fired_by(settings: Mapping[str, object]) -> Outcome:
    """Return what comes of the environment with some settings changed."""
    return outcome(settings, lambda: Judge(environment(**settings)).fired(None))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _table(heads: Sequence[str], rows: Sequence[str]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *rows]


def matrix(found: Sequence[Finding]) -> list[str]:
    """Return the report's part about registered inputs, line by line."""
    killed = [one for one in found if one.rules]
    spared = [one for one in found if not one.rules]
    return [
        "## Noticed",
        "",
        *_table(("place", "mutation", "rules"), [one.row for one in killed]),
        "",
        "## Spared, and why",
        "",
        *_table(("place", "mutation", "why no rule objects"), [one.row for one in spared]),
    ]


def report(found: Sequence[tuple[Mutation, frozenset[str]]], settings: Sequence[Outcome]) -> str:
    """Return docs/policy-coverage.md."""
    noticed = sum(bool(rules) for _, rules in found)
    fired = {rule for _, rules in found for rule in rules} | {rule for one in settings for rule in one.rules}
    silent = sorted({rule.id for rule in ALL_RULES} - fired)
    lines = [
        "# What the policy pack notices",
        "",
        "Written by `nox -s policy-proof`: the environment is weakened in one place at a time, resource by resource;",
        "resources of one type that fare alike share a row.",
        "",
        f"{len(found)} mutations of registered inputs: {noticed} noticed, {len(found) - noticed} spared with a reason.",
        f"{len(settings)} changes of settings.",
        "",
        "## Settings",
        "",
        *_table(("setting", "value", "what comes of it"), [_row(one.cells) for one in settings]),
        "",
        *matrix(findings(found)),
        "",
        "## Rules that the environment gives no chance",
        "",
        "They judge forms that it doesn't use, or values that only `up` knows; their own examples prove them:",
        f"{', '.join(silent)}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the report; 1 where a mutation is spared without a reason, or an excuse excuses nothing."""
    found = kills(environment())
    settings = [fired_by(changed) for changed in changes()]
    REPORT.write_text(report(found, settings), encoding="utf-8")
    bad = list(dict.fromkeys(faults(found)))
    bad += [f"no rule notices the setting {one.name}={one.value}" for one in settings if not one.verdict]
    for line in bad:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"{len(found)} mutations, {len(settings)} settings, {len(bad)} faults; see {REPORT.name}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
