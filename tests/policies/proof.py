"""The mutation proof: weaken the environment in every place, one at a time, and see which rules notice.

`nox -s policy-proof` writes docs/policy-coverage.md. A mutation that no rule notices must be in `harmless.py` with its
reason, else this program ends with 1. The rules run in this process on what the SDK's server would hand them, because
asking the pack's own process about the whole stack a thousand times would take an hour.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import PolicyResource, PolicyResourceOptions
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UnknownValueError, unknown_checking_proxy

from policies.graph import Stack
from policies.rule import ResourceRule, StackRule
from policies.rules import ALL_RULES
from prod_infra.deployment import evaluate
from prod_infra.deployment.policy_requests import stack_request
from prod_infra.deployment.project import packaged
from prod_infra.deployment.registration import Registration
from prod_infra.deployment.wire import to_struct
from prod_infra.errors import PolicyError
from prod_infra.properties import Values
from tests.policies.harmless import DOCUMENTS, HARMLESS, WEAKER

REPORT: Final = Path(__file__).resolve().parents[2] / "docs" / "policy-coverage.md"


@dataclass(frozen=True)
class Mutation:
    """One weakening.

    Attributes:
        place: type token without `aws:`, and the path in its inputs; the type alone where the resource is removed.
        what: what was done.
        urn: of the resource.
        inputs: its inputs afterwards; None where it is removed.
    """

    place: str
    what: str
    urn: str
    inputs: Values | None


def _weaker(path: str, value: PropertyValue) -> Iterator[tuple[str, PropertyValue]]:
    """Yield what is done to one value, and the value that comes of it."""
    inner = value.value
    if isinstance(inner, bool):
        yield f"{str(inner).lower()} becomes {str(not inner).lower()}", PropertyValue(not inner)
    elif isinstance(inner, float):
        yield f"{inner:g} becomes {inner // 4:g}", PropertyValue(inner // 4)
        yield f"{inner:g} becomes {inner * 100:g}", PropertyValue(inner * 100)
    elif isinstance(inner, str):
        for pattern, values in WEAKER.items():
            if fnmatch.fnmatch(path, pattern):
                yield from ((f"becomes {weak or 'empty'}", PropertyValue(weak)) for weak in values if weak != inner)
    elif isinstance(inner, tuple) and inner:
        yield "is emptied", PropertyValue([])
    elif isinstance(inner, Computed):
        for pattern, documents in DOCUMENTS.items():
            if fnmatch.fnmatch(path, pattern):
                yield from ((f"becomes {name}", PropertyValue(json.dumps(text))) for name, text in documents.items())


def _mutants(path: str, value: PropertyValue) -> Iterator[tuple[str, str, PropertyValue | None]]:
    """Yield path, what is done, and the new value of each weakening in a value or below; None where it is removed."""
    yield path, "is removed", None
    for what, weak in _weaker(path, value):
        yield path, what, weak
    inner = value.value
    if isinstance(inner, Mapping):
        for key, item in inner.items():
            for where, what, changed in _mutants(f"{path}.{key}", item):
                rest = {name: other for name, other in inner.items() if name != key}
                yield where, what, value.with_value({**rest, key: changed} if changed is not None else rest)
    elif isinstance(inner, tuple):
        for index, item in enumerate(inner):
            for where, what, changed in _mutants(f"{path}[]", item):
                others = [*inner[:index], *([changed] if changed is not None else []), *inner[index + 1 :]]
                yield where, what, value.with_value(others)


def mutations(registrations: Sequence[Registration]) -> Iterator[Mutation]:
    """Yield every weakening, each kind once: resources of one type that agree in a value need no second look."""
    seen: set[tuple[str, str]] = set()
    for found in registrations:
        if not found.custom or not found.type.startswith("aws:"):
            continue
        kind = found.type.removeprefix("aws:")
        possible: list[tuple[str, str, dict[str, PropertyValue] | None]] = [(kind, "is not made", None)]
        for key, value in found.inputs.items():
            if key in ("tags", "tagsAll"):
                continue
            for path, what, changed in _mutants(key, value):
                rest = {name: other for name, other in found.inputs.items() if name != key}
                possible.append((f"{kind}.{path}", what, {**rest, key: changed} if changed is not None else rest))
        for place, what, inputs in possible:
            if (place, what) not in seen:
                seen.add((place, what))
                yield Mutation(place, what, found.urn, inputs)


class Judge:
    """Asks every rule about the environment with one resource changed."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._registrations = {found.urn: found for found in registrations}
        request = stack_request(registrations, self._registrations)
        self._stack = {found.urn: _resource(found, found.properties) for found in request.resources}
        self._computed = {
            found.urn: found.properties.fields.keys() - self._registrations[found.urn].inputs.keys()
            for found in request.resources
        }

    def fired(self, mutation: Mutation | None) -> set[str]:
        """Return the rules that object to the environment after a mutation, or to the environment as it is."""
        stack = dict(self._stack)
        if mutation is None:
            changed = [_resource(found, to_struct(found.inputs)) for found in self._registrations.values()]
        elif mutation.inputs is None:
            del stack[mutation.urn]
            changed = []
        else:
            found = self._registrations[mutation.urn]
            # What is removed is, in a preview, an output that AWS has yet to decide.
            unknown = dict.fromkeys([*self._computed[found.urn], *found.inputs], PropertyValue.computed())
            stack[found.urn] = _resource(found, to_struct({**unknown, **mutation.inputs}))
            changed = [_resource(found, to_struct(mutation.inputs))]
        self._link(stack, mutation)
        everything = Stack(list(stack.values()))
        fired = {rule.id for rule in ALL_RULES if isinstance(rule, StackRule) and _objects_stack(rule, everything)}
        for rule in ALL_RULES:
            if isinstance(rule, ResourceRule):
                own = [resource.props for resource in changed if resource.resource_type in rule.on]
                fired |= {rule.id for props in own if _objects(rule, props)}
        return fired

    def _link(self, stack: Mapping[str, PolicyResource], mutation: Mutation | None) -> None:
        for urn, resource in stack.items():
            left = mutation.inputs if mutation and mutation.urn == urn else None
            resource.property_dependencies = {
                key: [stack[used] for used in urns if used in stack]
                for key, urns in self._registrations[urn].property_dependencies.items()
                if left is None or key in left
            }


def _resource(found: Registration | analyzer_pb2.AnalyzerResource, struct: struct_pb2.Struct) -> PolicyResource:
    options = PolicyResourceOptions(False, [], None, [], None, [])  # type: ignore[arg-type]  # noqa: FBT003
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


def reason(mutation: Mutation) -> str:
    """Return why a mutation that no rule notices does no harm; empty where nobody has said so."""
    for pattern, why in HARMLESS.items():
        if fnmatch.fnmatch(f"{mutation.place} {mutation.what}", pattern):
            return why
    return ""


SETTINGS: Final[Sequence[dict[str, object]]] = (
    {"single_nat_gateway": True},
    {"enable_http": True},
    {"scan_on_push": False},
    {"force_delete": True},
    {"force_destroy": True},
    {"deletion_protection": False},
    {"instance_count": 1},
    {"backup_retention_period": 13},
    {"enabled_cloudwatch_logs_exports": ["audit"]},
    {"apply_immediately": True},
    {"skip_final_snapshot": True},
    {"enable_cross_zone_load_balancing": False},
    {"target_protocol": "HTTP"},
    {"enable_blue_green_deployment": False},
    {"autoscaling_min_tasks": 1},
    {"autoscaling_max_tasks": 9},
    {"autoscaling_cpu_threshold": 81},
)


def environment(**settings: object) -> tuple[Registration, ...]:
    """Return what the environment registers with these settings."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
    return evaluate.register(packaged(config={f"prod-infra:{name}": text for name, text in texts.items()}))


def kills(registrations: Sequence[Registration]) -> list[tuple[Mutation, set[str]]]:
    """Return every mutation with the rules that notice it."""
    judge = Judge(registrations)
    if judge.fired(None):
        raise PolicyError("The environment itself does not pass.", hint="run `prod-infra policy`")
    return [(mutation, judge.fired(mutation)) for mutation in mutations(registrations)]


def _table(rows: Sequence[tuple[str, str, str]], heads: tuple[str, str, str]) -> list[str]:
    cells = [heads, ("---", "---", "---"), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def report(found: Sequence[tuple[Mutation, set[str]]], settings: Sequence[tuple[str, set[str]]]) -> str:
    """Return docs/policy-coverage.md."""
    killed = [(m.place, m.what, ", ".join(sorted(rules))) for m, rules in found if rules]
    spared = [(m.place, m.what, reason(m) or "**no reason given**") for m, rules in found if not rules]
    silent = sorted({rule.id for rule in ALL_RULES} - {rule for _, rules in (*found, *settings) for rule in rules})
    numbers = (
        f"{len(found)} mutations of registered inputs: {len(killed)} noticed, {len(spared)} spared with a reason. "
        f"{len(settings)} settings, all noticed."
    )
    return "\n".join(
        [
            "# What the policy pack notices",
            "",
            "Written by `nox -s policy-proof`: the environment is weakened in one place at a time.",
            "",
            numbers,
            "",
            "## Settings",
            "",
            *_table([(name, "", ", ".join(sorted(rules))) for name, rules in settings], ("setting", "", "rules")),
            "",
            "## Noticed",
            "",
            *_table(killed, ("place", "mutation", "rules")),
            "",
            "## Spared, and why",
            "",
            *_table(spared, ("place", "mutation", "why no rule objects")),
            "",
            "## Rules that the environment gives no chance",
            "",
            "They judge forms that it doesn't use, or values that only `up` knows; their own examples prove them:",
            f"{', '.join(silent)}.",
            "",
        ]
    )


def main() -> int:
    """Write the report; 1 where a mutation is spared without a reason."""
    found = kills(environment())
    settings = [(json.dumps(changes), Judge(environment(**changes)).fired(None)) for changes in SETTINGS]
    REPORT.write_text(report(found, settings), encoding="utf-8")
    bad = [f"{m.place} {m.what}" for m, rules in found if not rules and not reason(m)]
    bad += [name for name, rules in settings if not rules]
    for line in bad:
        sys.stderr.write(f"no rule notices: {line}\n")
    sys.stdout.write(f"{len(found)} mutations, {len(bad)} spared without a reason; see {REPORT.name}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
