"""Asks the policy pack about what a program registers, as the Pulumi engine would: no CLI, no credentials, no network.

The pack runs in its own process and is spoken to over the Analyzer protocol, so the verdict is the pack's own. A pack
that does not start, stops answering or answers nothing is a `PolicyError`, never a pass.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pulumi.runtime.proto import analyzer_pb2

from prod_infra.deployment.policy.config import LEVELS, lowered, policy_config
from prod_infra.deployment.policy.findings import BOOKKEEPING, Finding, FindingReader
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.policy.requests import analyze_request, stack_request
from prod_infra.deployment.policy.verdict import Outcome, Verdict, rule_info
from prod_infra.deployment.program.registration import Registration
from prod_infra.errors import PolicyError

PACK: Final = Path(__file__).resolve().parents[3] / "policies"
"""The pack that comes with the library."""


_SECONDS_FOR_EACH: Final = 0.02
_AT_ONCE: Final = 4
"""Questions asked at once: as many as the SDK's server answers at once. Findings keep the resources' order."""


def check(
    registrations: Sequence[Registration],
    *,
    pack: Path = PACK,
    config: Mapping[str, Any] | None = None,
    timeout: float = 60,
    waivers: Path | None = None,
    final: bool = False,
) -> Verdict:
    """Return the pack's verdict on what a program registers.

    Args:
        registrations: what the program registers, as `evaluate.register` returns it.
        pack: folder with a `PulumiPolicy.yaml` and a Python pack.
        config: in the shape of the CLI's `--policy-pack-config`: by rule, or `all`, an enforcement level or an object
            with `enforcementLevel` and the rule's own properties.
        timeout: seconds for everything together; each thousand resources add twenty.
        waivers: a file of waivers in the place of the pack's own.
        final: whether nothing comes later that could decide what is deferred, as in an audit: then it blocks.

    Raises:
        PolicyError: the pack did not start, crashed, hung, or judged nothing.
        InvalidInputError: `config` names a rule, property or level that there is not, or lowers the floor.
    """
    return check_program(lambda: registrations, pack=pack, config=config, timeout=timeout, waivers=waivers, final=final)


def check_program(
    registrations: Callable[[], Sequence[Registration]],
    *,
    pack: Path = PACK,
    config: Mapping[str, Any] | None = None,
    timeout: float = 60,
    waivers: Path | None = None,
    final: bool = False,
) -> Verdict:
    """As `check`, for registrations that take time to make: the pack starts meanwhile.

    Raises:
        PolicyError: the pack did not start, crashed, hung, or judged nothing.
        InvalidInputError: `config` names a rule, property or level that there is not, or lowers the floor.
    """
    started = time.monotonic()
    with PolicyProcess(pack, deadline=math.inf, waivers=waivers) as process:
        found = registrations()
        process.set_deadline(time.monotonic() + timeout + len(found) * _SECONDS_FOR_EACH)
        verdict = ask(process, found, config or {}, final=final)
    return replace(verdict, seconds=time.monotonic() - started)


def _outcomes(
    kinds: AbstractSet[str], findings: Iterable[Finding], skipped: AbstractSet[str], deferred: AbstractSet[str]
) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcome of each rule that one answer says applies; the worst of its findings counts."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule in (kinds - skipped) | (kinds & (deferred | by_rule.keys())):
        own = by_rule.get(rule)
        if own is None:
            yield rule, Outcome.DEFERRED if rule in deferred else Outcome.PASSED
        elif any(finding.level != "waived" and not finding.undecided for finding in own):
            yield rule, Outcome.FAILED
        elif any(finding.level != "waived" for finding in own):
            yield rule, Outcome.UNDECIDED
        else:
            yield rule, Outcome.WAIVED


def _unjudged(enabled: Iterable[analyzer_pb2.PolicyInfo], managed: Iterable[Registration]) -> tuple[str, ...]:
    judged = [{tag for tag in policy.tags if tag.startswith("on:")} for policy in enabled]
    if not all(judged):
        # A rule that names no type, as those of other packs, may judge every type.
        return ()
    types = {tag.removeprefix("on:") for tag in set().union(*judged)}
    return tuple(each.urn for each in managed if each.type not in types and "::prod_infra:" not in each.urn)


def ask(
    process: PolicyProcess, registrations: Sequence[Registration], config: Mapping[str, Any], *, final: bool = False
) -> Verdict:
    """Return the verdict of a pack that runs already; else as `check`.

    Raises:
        PolicyError: the pack crashed, hung, or judged nothing.
        InvalidInputError: `config` names a rule, property or level that there is not, or lowers the floor.
    """
    started = time.monotonic()
    by_urn = {registration.urn: registration for registration in registrations}
    managed = [found for found in registrations if found.custom and not found.type.startswith("pulumi:")]
    info = process.info()
    configured = policy_config(info, config)
    process.configure(configured)
    rules = [policy for policy in info.policies if policy.name not in BOOKKEEPING]
    disabled = tuple(name for name, policy in configured.items() if policy.enforcementLevel == LEVELS["disabled"])
    enabled = [policy for policy in rules if policy.name not in disabled]
    of_resource = {policy.name for policy in enabled if policy.policy_type == analyzer_pb2.POLICY_TYPE_RESOURCE}
    of_stack = {policy.name for policy in enabled if policy.policy_type == analyzer_pb2.POLICY_TYPE_STACK}
    reader = FindingReader(info, registrations)
    tally: dict[str, Counter[Outcome]] = {policy.name: Counter() for policy in enabled}
    asking = ThreadPoolExecutor(_AT_ONCE)
    try:
        answers = asking.map(process.analyze, (analyze_request(registration, by_urn) for registration in managed))
        about_all = stack_request(registrations, by_urn)
        for registration, given in zip(managed, answers, strict=True):
            answer = reader.read(given, registration.urn, final=final)
            for rule, outcome in _outcomes(of_resource, *answer):
                tally[rule][outcome] += 1
    finally:
        # Whoever interrupts need not wait for the pack: it is ended next.
        asking.shutdown(wait=False, cancel_futures=True)
    answer = reader.read(process.analyze_stack(about_all), "")
    for rule, outcome in _outcomes(of_stack, *answer):
        tally[rule][outcome] += 1
    # Nearly all: few rules judge a type.
    for rule in of_resource | of_stack:
        if idle := (len(managed) if rule in of_resource else 1) - tally[rule].total():
            tally[rule][Outcome.NOT_APPLICABLE] = idle
    verdict = Verdict(
        findings=tuple(reader.findings),
        rules=len(enabled),
        resources=len(managed),
        tally={rule: dict(counts) for rule, counts in tally.items()},
        rule_infos=tuple(map(rule_info, enabled)),
        deferred=reader.deferred,
        disabled=disabled,
        lowered=lowered(info, configured),
        unjudged=_unjudged(enabled, managed),
        seconds=time.monotonic() - started,
    )
    if not verdict.evaluated:
        raise PolicyError(
            f"The pack judged nothing: {len(enabled)} rules, {len(managed)} resources.",
            hint="check that the program registers AWS resources and that the pack has rules for them",
        )
    return verdict
