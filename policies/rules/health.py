"""What answers customers: health checks that mean something, a site that is on and can be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import Check, Props, all_of, each, equals, given, holds_all, number, satisfies, unless
from policies.graph import Stack, items, known, undecided
from policies.rule import WELL_ARCHITECTED, Absent, Example, Node, ResourceRule, Severity, StackRule
from policies.tokens import DISTRIBUTION, LOG_DELIVERY, RECORD, TARGET_GROUP

_HEALTH: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("REL11-BP01",)}
_NO_CHECKS = ("lambda",)
SUCCESSES = range(200, 300)


def _successes(matcher: Any) -> bool:
    ends = [end for part in str(matcher).split(",") for end in part.split("-")]
    return all(end.strip().isdigit() and int(end) in SUCCESSES for end in ends)


def _checked(**health: Any) -> Mapping[str, Any]:
    good = {
        "enabled": True,
        "path": "/api/health",
        "matcher": "200",
        "interval": 15,
        "timeout": 5,
        "healthyThreshold": 2,
        "unhealthyThreshold": 3,
    }
    return {"targetType": "ip", "healthCheck": {**good, **health}}


HEALTH_MATCHER = ResourceRule(
    id="target-group-health-check-success",
    title="Only a success counts as healthy",
    why="A task that answers every request with an error would go on getting them.",
    severity=Severity.HIGH,
    on=TARGET_GROUP,
    keys=("healthCheck.matcher", "targetType"),
    absent=Absent(means="AWS takes 200", passes=True),
    fix="Keep matcher=200, as prod_infra.compute.alb does.",
    controls=_HEALTH,
    check=unless(
        "targetType",
        _NO_CHECKS,
        satisfies("healthCheck.matcher", _successes, "hold codes from 200 to 299 alone", absent_ok=True),
    ),
    passes=(_checked(), _checked(matcher="200-299"), _checked(matcher="200,204")),
    fails=(_checked(matcher="200-499"), _checked(matcher="404"), _checked(matcher="")),
)


def _number(path: str, least: float, most: float) -> Check:
    return satisfies(
        path,
        lambda value: (amount := number(value)) is not None and least <= amount <= most,
        f"be from {least:g} to {most:g}",
        absent_ok=True,
    )


def _timely(props: Props) -> Iterator[str]:
    yield from all_of(
        equals("healthCheck.enabled", expected=True, absent_ok=True),
        satisfies("healthCheck.path", lambda path: str(path).strip("/") != "", "be a path that says how the app is"),
        _number("healthCheck.interval", 5, 30),
        _number("healthCheck.timeout", 2, 10),
        _number("healthCheck.healthyThreshold", 2, 5),
        _number("healthCheck.unhealthyThreshold", 2, 5),
    )(props)


HEALTH_PROMPT = ResourceRule(
    id="target-group-health-check-prompt",
    title="The application's own health is asked for, and a sick task gets no requests within minutes",
    why="Until then customers meet it; and a page that always answers says nothing of the application.",
    severity=Severity.MEDIUM,
    on=TARGET_GROUP,
    keys=(
        "healthCheck.path",
        "healthCheck.enabled",
        "healthCheck.interval",
        "healthCheck.timeout",
        "healthCheck.healthyThreshold",
        "healthCheck.unhealthyThreshold",
        "targetType",
    ),
    absent=Absent(means="AWS asks for /"),
    fix="Keep the health check of prod_infra.compute.alb, and Settings.health_check_path.",
    controls=_HEALTH,
    check=unless("targetType", _NO_CHECKS, _timely),
    passes=(_checked(), {"targetType": "lambda"}),
    fails=(
        _checked(enabled=False),
        _checked(path="/"),
        _checked(interval=300),
        _checked(timeout=0),
        _checked(unhealthyThreshold=10),
        _checked(healthyThreshold=0),
    ),
)

TARGET_DRAINS = ResourceRule(
    id="target-group-drains",
    title="A task that is stopped finishes its requests first",
    why="With no delay each deployment cuts requests off; with a long one it never ends.",
    severity=Severity.MEDIUM,
    on=TARGET_GROUP,
    keys=("deregistrationDelay",),
    absent=Absent(means="AWS waits 300 seconds", passes=True),
    fix="Keep deregistration_delay=30, as prod_infra.compute.alb does.",
    controls={WELL_ARCHITECTED: ("REL08-BP05",)},
    check=_number("deregistrationDelay", 30, 300),
    passes=({"deregistrationDelay": 30}, {"deregistrationDelay": 300}),
    fails=({"deregistrationDelay": 0}, {"deregistrationDelay": 3600}),
)

CLOUDFRONT_ANSWERS = ResourceRule(
    id="cloudfront-answers",
    title="The distribution is on, and answers for a domain",
    why="Customers would meet an error of CloudFront's.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("aliases", "enabled"),
    absent=Absent(means="it answers for its own cloudfront.net name alone"),
    fix="Keep enabled=True and the domain in aliases, as prod_infra.edge.cdn.Cdn does.",
    controls={WELL_ARCHITECTED: ("REL11-BP04",)},
    check=all_of(
        satisfies("aliases", lambda names: len(names) > 0, "name the domain"), equals("enabled", expected=True)
    ),
    passes=({"enabled": True, "aliases": ["example.com"]},),
    fails=({"enabled": False}, {"aliases": []}),
)


def _named(distribution: PolicyResource, stack: Stack) -> Iterator[str]:
    if not known(distribution, "aliases"):
        return
    records = stack.users(distribution, "aliases", RECORD)
    types = [known(record, "type") for record in records]
    for needed in ("A", *(("AAAA",) if known(distribution, "isIpv6Enabled") else ())):
        if needed not in types:
            for other in stack.of(RECORD):
                if known(other, "type") == needed and not other.property_dependencies.get("aliases"):
                    undecided(other, "aliases")
            yield f"no {needed} record leads to it"


def _records(*types: str, links: bool = True, **props: Any) -> Example:
    found = {"aliases": ["example.com"], "isIpv6Enabled": True, **props}
    uses = {"aliases": ["cdn"]} if links else {}
    return (Node(DISTRIBUTION[0], "cdn", found), *(Node(RECORD[0], kind, {"type": kind}, uses) for kind in types))


CLOUDFRONT_NAMED = StackRule(
    id="cloudfront-dns",
    title="The distribution's domain leads to it, over IPv4 and IPv6",
    why="Nobody would find the site.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("aliases", "isIpv6Enabled", "type"),
    absent=Absent(means="the domain leads nowhere"),
    fix="Keep both alias records of prod_infra.edge.cdn.Cdn.",
    controls={WELL_ARCHITECTED: ("REL11-BP04",)},
    check=_named,
    passes=(_records("A", "AAAA"), _records("A", isIpv6Enabled=False)),
    fails=(_records("A"), _records("AAAA")),
    lacks=_records(),
    unknown=_records("A", "AAAA", links=False),
)

# AWS's managed policies that keep answers for a long time, whoever asked (CloudFront guide, managed cache policies).
LONG_CACHES = (
    "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    "2e54312d-136d-493c-8eb9-b001f22f67d2",
    "08627262-05a9-4f76-9ded-b50ca2e3a84f",
)
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


def _not_shared(behavior: Props) -> Iterator[str]:
    if any(method in _WRITES for method in items(behavior.get("allowedMethods"))):
        yield from satisfies(
            "cachePolicyId",
            lambda policy: policy not in LONG_CACHES,
            "be a policy that keeps no answers",
            absent_ok=True,
        )(behavior)
        # The older way: CloudFront keeps answers for a day unless told otherwise.
        if given(behavior, "forwardedValues"):
            yield from equals("maxTtl", 0)(behavior)


def _behaviors(**api: Any) -> Mapping[str, Any]:
    good = {"allowedMethods": ["GET", "POST"], "cachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}
    pages = {"allowedMethods": ["GET", "HEAD"], "cachePolicyId": LONG_CACHES[0]}
    return {"orderedCacheBehaviors": [{**good, **api}], "defaultCacheBehavior": pages}


CLOUDFRONT_API_UNCACHED = ResourceRule(
    id="cloudfront-api-not-cached",
    title="CloudFront keeps no answer of a path that takes writes",
    why="One customer would be shown what was answered to another.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("orderedCacheBehaviors", "orderedCacheBehaviors[].cachePolicyId", "defaultCacheBehavior.cachePolicyId"),
    absent=Absent(means="the default behaviour serves everything", passes=True),
    fix="Keep the policy CachingDisabled for the API, as prod_infra.edge.behaviors does.",
    controls={WELL_ARCHITECTED: ("SEC07-BP02",)},
    check=all_of(
        each("orderedCacheBehaviors", _not_shared),
        lambda props: _not_shared(props.get("defaultCacheBehavior") or {}),
    ),
    passes=(_behaviors(),),
    fails=(
        _behaviors(cachePolicyId=LONG_CACHES[0]),
        {"defaultCacheBehavior": {"allowedMethods": ["GET", "PUT"], "cachePolicyId": LONG_CACHES[1]}},
    ),
)

LOG_FIELDS = ("date", "time", "c-ip", "cs-method", "cs-uri-stem", "sc-status", "x-edge-request-id")


def _fields(props: Props) -> Iterator[str]:
    if len(list(items(props.get("recordFields")))) > 0:
        yield from holds_all("recordFields", LOG_FIELDS)(props)


LOG_FIELDS_KEPT = ResourceRule(
    id="log-delivery-fields",
    title="An access log says who asked for what, when, and what came of it",
    why="With a field missing, an incident can't be pieced together.",
    severity=Severity.LOW,
    on=LOG_DELIVERY,
    keys=("recordFields",),
    absent=Absent(means="AWS writes every field of the standard", passes=True),
    fix="Keep the fields of prod_infra.edge.cdn_logs.",
    controls={WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=_fields,
    passes=({"recordFields": [*LOG_FIELDS, "sc-bytes"]}, {"recordFields": []}),
    fails=tuple({"recordFields": [name for name in LOG_FIELDS if name != lost]} for lost in LOG_FIELDS),
)

RULES = (
    HEALTH_MATCHER,
    HEALTH_PROMPT,
    TARGET_DRAINS,
    CLOUDFRONT_ANSWERS,
    CLOUDFRONT_NAMED,
    CLOUDFRONT_API_UNCACHED,
    LOG_FIELDS_KEPT,
)
