"""Asks the policy pack about what a program registers, as the Pulumi engine would: no CLI, no credentials, no network.

The pack runs in its own process and is spoken to over the Analyzer protocol, so the verdict is the pack's own. A pack
that does not start, stops answering or answers nothing is a `PolicyError`, never a pass.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import analyzer_pb2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prod_infra.deployment.policy_config import LEVELS, policy_config
from prod_infra.deployment.policy_process import PolicyProcess
from prod_infra.deployment.policy_requests import analyze_request, stack_request
from prod_infra.deployment.registration import Registration
from prod_infra.errors import PolicyError
from prod_infra.properties import SECRET_MASK

PACK: Final = Path(__file__).resolve().parents[2] / "policies"
"""The pack that comes with the library."""

_LEVELS: Final = {0: "advisory", 1: "mandatory", 2: "disabled", 3: "remediate"}
_SEVERITIES: Final = {0: "", 1: "low", 2: "medium", 3: "high", 4: "critical"}
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a rule objects to.

    Attributes:
        rule: the rule's id.
        title: what should hold.
        severity: `low`, `medium`, `high` or `critical`; empty where the pack doesn't say.
        level: `mandatory` or `advisory`.
        urn: the resource; empty for the stack as a whole.
        message: the reason, without any property value that may be secret.
        fix: what to change.
        source: `file:line` of the call that registers the resource; empty where Pulumi did not say.
        undecided: whether the rule could not decide rather than found a fault.
    """

    rule: str
    title: str
    severity: str
    level: str
    urn: str
    message: str
    fix: str
    source: str
    undecided: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the pack says of a program.

    Attributes:
        findings: in the order in which the pack reported them.
        rules: number of rules that were enabled.
        resources: number of resources that a provider manages.
        evaluated: number of pairs of a rule and a resource that it judged.
        deferred: ids of rules that wait for values which only `up` brings, with the reason.
        disabled: ids of rules that the configuration turned off.
        seconds: wall time.
    """

    findings: tuple[Finding, ...]
    rules: int
    resources: int
    evaluated: int
    deferred: Mapping[str, str]
    disabled: tuple[str, ...]
    seconds: float

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that block."""
        return tuple(finding for finding in self.findings if finding.level == "mandatory")

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """The findings of rules that met a value which AWS has yet to decide."""
        return tuple(finding for finding in self.findings if finding.undecided)

    @property
    def passed(self) -> bool:
        """Whether nothing blocks."""
        return not self.violations


def _secrets(value: PropertyValue, *, inside: bool = False) -> Iterator[str]:
    """Yield every secret string in `value`."""
    secret, inner = inside or value.is_secret, value.value
    if isinstance(inner, str):
        if secret and len(inner) >= _SHORTEST_SECRET:
            yield inner
    elif isinstance(inner, Mapping):
        for item in inner.values():
            yield from _secrets(item, inside=secret)
    elif isinstance(inner, tuple):
        for item in inner:
            yield from _secrets(item, inside=secret)


class _Reader:
    """Makes findings of the pack's answers, and counts."""

    def __init__(self, info: analyzer_pb2.AnalyzerInfo, registrations: Sequence[Registration]) -> None:
        self._policies = {policy.name: policy for policy in info.policies}
        self._sources = {registration.urn: registration.source for registration in registrations}
        # Longest first: a secret that contains another must not leave its rest behind.
        secrets = {text for found in registrations for value in found.inputs.values() for text in _secrets(value)}
        self._secrets = sorted(secrets, key=len, reverse=True)
        self.findings: list[Finding] = []
        self.deferred: dict[str, str] = {}

    def read(self, response: analyzer_pb2.AnalyzeResponse, urn: str) -> set[str]:
        """Note the findings about `urn`, or about the resource that each names; return the rules that did not apply."""
        for diagnostic in response.diagnostics:
            self.findings.append(self._finding(diagnostic, diagnostic.urn or urn))
        waiting = {
            skipped.policy_name: skipped.reason.removeprefix("deferred: ")
            for skipped in response.not_applicable
            if skipped.reason.startswith("deferred: ")
        }
        self.deferred.update(waiting)
        return {skipped.policy_name for skipped in response.not_applicable}

    def _finding(self, diagnostic: analyzer_pb2.AnalyzeDiagnostic, urn: str) -> Finding:
        policy = self._policies.get(diagnostic.policyName, analyzer_pb2.PolicyInfo())
        message = diagnostic.message.removeprefix(diagnostic.description).strip() or diagnostic.description
        for secret in self._secrets:
            message = message.replace(secret, SECRET_MASK)
        return Finding(
            rule=diagnostic.policyName,
            title=policy.displayName or diagnostic.description,
            severity=_SEVERITIES.get(diagnostic.severity or policy.severity, ""),
            level=_LEVELS.get(diagnostic.enforcementLevel, "mandatory"),
            urn=urn,
            message=message,
            fix=policy.remediation_steps,
            source=self._sources.get(urn, ""),
            # The second is the SDK's own word for it, for packs without a guard.
            undecided=message.startswith(("undecided:", "can't run policy")),
        )


def check(
    registrations: Sequence[Registration],
    *,
    pack: Path = PACK,
    config: Mapping[str, Any] | None = None,
    timeout: float = 60,
) -> Verdict:
    """Return the pack's verdict on what a program registers.

    Args:
        registrations: what the program registers, as `evaluate.register` returns it.
        pack: folder with a `PulumiPolicy.yaml` and a Python pack.
        config: in the shape of the CLI's `--policy-pack-config`: by rule, or `all`, an enforcement level or an object
            with `enforcementLevel` and the rule's own properties.
        timeout: seconds for everything together.

    Raises:
        PolicyError: the pack did not start, crashed, hung, or judged nothing.
        InvalidInputError: `config` names a rule, property or level that there is not, or turns everything off.
    """
    deadline = time.monotonic() + timeout
    with PolicyProcess(pack, deadline=deadline) as process:
        verdict = ask(process, registrations, config or {})
    return replace(verdict, seconds=timeout - (deadline - time.monotonic()))


def ask(process: PolicyProcess, registrations: Sequence[Registration], config: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a pack that runs already; else as `check`.

    Raises:
        PolicyError: the pack crashed, hung, or judged nothing.
        InvalidInputError: `config` names a rule, property or level that there is not, or turns everything off.
    """
    started = time.monotonic()
    by_urn = {registration.urn: registration for registration in registrations}
    managed = [found for found in registrations if found.custom and not found.type.startswith("pulumi:")]
    info = process.info()
    configured = policy_config(info, config)
    process.configure(configured)
    disabled = tuple(name for name, policy in configured.items() if policy.enforcementLevel == LEVELS["disabled"])
    kinds = {policy.name: policy.policy_type for policy in info.policies if policy.name not in disabled}
    reader = _Reader(info, registrations)
    evaluated = 0
    for registration in managed:
        skipped = reader.read(process.analyze(analyze_request(registration, by_urn)), registration.urn)
        evaluated += sum(
            kind == analyzer_pb2.POLICY_TYPE_RESOURCE and rule not in skipped for rule, kind in kinds.items()
        )
    skipped = reader.read(process.analyze_stack(stack_request(registrations, by_urn)), "")
    evaluated += sum(kind == analyzer_pb2.POLICY_TYPE_STACK and rule not in skipped for rule, kind in kinds.items())
    if not evaluated:
        raise PolicyError(
            f"The pack judged nothing: {len(kinds)} rules, {len(managed)} resources.",
            hint="check that the program registers AWS resources and that the pack has rules for them",
        )
    return Verdict(
        findings=tuple(reader.findings),
        rules=len(kinds),
        resources=len(managed),
        evaluated=evaluated,
        deferred=reader.deferred,
        disabled=disabled,
        seconds=time.monotonic() - started,
    )


def render(verdict: Verdict, console: Console) -> None:
    """Print the findings as a table, one row each, then a line of counts; what did not run is said too."""
    if verdict.findings:
        table = Table(title="Policy findings", show_lines=True, title_justify="left")
        for heading in ("rule", "resource", "reason", "fix", "where"):
            table.add_column(heading, overflow="fold")
        for finding in verdict.findings:
            style = "red" if finding.level == "mandatory" else "yellow"
            table.add_row(
                Text.assemble((finding.rule, style), f"\n{finding.level}, {finding.severity}".rstrip(", ")),
                finding.urn.rpartition("::")[2] or "the stack",
                Text(finding.message),
                Text(finding.fix),
                Text(finding.source),
            )
        console.print(table)
    for rule, reason in verdict.deferred.items():
        console.print(Text(f"{rule} waits for `up`: {reason}", style="dim"), soft_wrap=True)
    if verdict.disabled:
        console.print(Text(f"disabled by configuration: {', '.join(verdict.disabled)}", style="yellow"), soft_wrap=True)
    blocking, undecided = len(verdict.violations), len(verdict.undecided)
    console.print(
        Text(
            f"policy: {'passed' if verdict.passed else 'blocked'}: {verdict.rules} rules, "
            f"{verdict.resources} resources, {verdict.evaluated} judgements, {blocking} violations, "
            f"{len(verdict.findings) - blocking} advisories, {undecided} undecided, "
            f"{len(verdict.deferred)} deferred in {verdict.seconds:.1f} s",
            style="bold green" if verdict.passed else "bold red",
        ),
        soft_wrap=True,
    )
