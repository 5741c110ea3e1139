"""What keeps working by itself: certificates, alarms, platforms, secrets that can be had back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.checks import Check, Props, all_of, at_least, equals, given, one_of, satisfies
from policies.graph import items
from policies.rule import (
    CHECKOV,
    FSBP,
    WELL_ARCHITECTED,
    Absent,
    ResourceRule,
    Severity,
    Threshold,
)
from policies.tokens import (
    CERTIFICATE,
    DOCDB_CLUSTER,
    ECS_CLUSTER,
    ECS_SERVICE,
    EGRESS_RULE,
    LOAD_BALANCER,
    METRIC_ALARM,
    SECRET,
    SECURITY_GROUP,
    SECURITY_GROUP_INGRESS_RULE,
    SECURITY_GROUP_RULE,
    VPC,
)

MIN_RECOVERY_DAYS = 7
_STRONG_KEYS = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


def _renews(props: Props) -> Iterator[str]:
    # An imported certificate has a key and a body, and AWS can't renew it; a private CA's needs no validation.
    if given(props, "privateKey"):
        yield "privateKey is given: AWS can't renew an imported certificate"
    elif not given(props, "certificateAuthorityArn"):
        yield from equals("validationMethod", "DNS")(props)


CERTIFICATE_RENEWS = ResourceRule(
    id="acm-renews-by-itself",
    title="A certificate is validated by DNS, and so renews by itself",
    why="One that waits for an e-mail to be answered expires some night, and every client with it.",
    severity=Severity.MEDIUM,
    on=CERTIFICATE,
    keys=("validationMethod", "privateKey"),
    absent=Absent(means="AWS validates by e-mail"),
    fix="Set validation_method=DNS, as prod_infra.edge.acm_cert does.",
    controls={FSBP: ("ACM.1",), WELL_ARCHITECTED: ("SEC09-BP01",)},
    check=_renews,
    passes=({"validationMethod": "DNS"}, {"certificateAuthorityArn": "arn:aws:acm-pca:…"}),
    fails=({"validationMethod": "EMAIL"}, {"validationMethod": None, "privateKey": "key"}),
)

CERTIFICATE_KEY = ResourceRule(
    id="acm-strong-key",
    title="A certificate's key has 2048 bits or more",
    why="Shorter ones are broken, and browsers refuse them.",
    severity=Severity.HIGH,
    on=CERTIFICATE,
    keys=("keyAlgorithm",),
    absent=Absent(means="AWS makes an RSA key of 2048 bits", passes=True),
    fix="Leave key_algorithm out, as prod_infra.edge.acm_cert does.",
    controls={FSBP: ("ACM.2",), WELL_ARCHITECTED: ("SEC09-BP01",)},
    check=one_of("keyAlgorithm", _STRONG_KEYS, absent_ok=True),
    passes=({"keyAlgorithm": "EC_prime256v1"}, {}),
    fails=({"keyAlgorithm": "RSA_1024"},),
)

ALARM_ACTS = ResourceRule(
    id="alarm-acts",
    title="An alarm tells someone",
    why="An alarm that only turns red in a console is noticed by customers first.",
    severity=Severity.MEDIUM,
    on=METRIC_ALARM,
    keys=("alarmActions", "actionsEnabled"),
    absent=Absent(means="AWS tells nobody"),
    fix="Give the alarm the topic of prod_infra.operations.notifications.",
    controls={CHECKOV: ("CKV_AWS_319",), WELL_ARCHITECTED: ("OPS08-BP04",)},
    check=all_of(
        satisfies("alarmActions", lambda actions: len(actions) > 0, "name at least one action"),
        equals("actionsEnabled", expected=True, absent_ok=True),
    ),
    passes=({"alarmActions": ["arn:aws:sns:…"]},),
    fails=({"alarmActions": []}, {"actionsEnabled": False}),
)


def _insights(props: Props) -> Iterator[str]:
    values = [item.get("value") for item in items(props.get("settings")) if item.get("name") == "containerInsights"]
    if not values or any(value not in ("enabled", "enhanced") for value in values):
        yield "settings doesn't turn containerInsights on; it must be enabled or enhanced"


ECS_INSIGHTS = ResourceRule(
    id="ecs-container-insights",
    title="Container Insights watches the cluster",
    why="Nobody could say which task ran out of memory, or why.",
    severity=Severity.MEDIUM,
    on=ECS_CLUSTER,
    keys=("settings",),
    absent=Absent(means="the account's default holds, which is off"),
    fix="Keep containerInsights on, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.12",), CHECKOV: ("CKV_AWS_65",), WELL_ARCHITECTED: ("OPS08-BP01",)},
    check=_insights,
    passes=(
        {"settings": [{"name": "containerInsights", "value": "enabled"}]},
        {"settings": [{"name": "containerInsights", "value": "enhanced"}]},
    ),
    fails=({"settings": [{"name": "containerInsights", "value": "disabled"}]}, {"settings": []}),
)

ECS_PLATFORM = ResourceRule(
    id="ecs-latest-platform",
    title="A Fargate service runs on the latest platform",
    why="An older one keeps the holes that the newer one has mended.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("platformVersion",),
    absent=Absent(means="AWS takes the latest", passes=True),
    fix="Leave platform_version out, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.10",), CHECKOV: ("CKV_AWS_332",), WELL_ARCHITECTED: ("SEC06-BP01",)},
    check=equals("platformVersion", "LATEST", absent_ok=True),
    passes=({"platformVersion": "LATEST"}, {}),
    fails=({"platformVersion": "1.3.0"},),
)


def _recovery(days: float) -> Check:
    return at_least("recoveryWindowInDays", days, absent_ok=True)


SECRET_RECOVERY = ResourceRule(
    id="secret-recovery-window",
    title=f"A deleted secret can be had back for {MIN_RECOVERY_DAYS} days or more",
    why="With 0 a mistaken destroy takes the database's password at once.",
    severity=Severity.HIGH,
    on=SECRET,
    keys=("recoveryWindowInDays",),
    absent=Absent(means="AWS keeps it for 30 days", passes=True),
    fix="Keep recovery_window_in_days, as prod_infra.data does.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=_recovery(MIN_RECOVERY_DAYS),
    threshold=Threshold(name="minimumDays", floor=MIN_RECOVERY_DAYS, check=_recovery),
    passes=({"recoveryWindowInDays": 30}, {"recoveryWindowInDays": 7}),
    fails=({"recoveryWindowInDays": 0},),
)

ALB_ZONAL_SHIFT = ResourceRule(
    id="alb-zonal-shift",
    title="Traffic can be shifted away from an ailing zone",
    why="A zone that answers badly, rather than not at all, passes health checks and stays.",
    severity=Severity.LOW,
    on=LOAD_BALANCER,
    keys=("enableZonalShift",),
    absent=Absent(means="AWS refuses to shift"),
    fix="Keep enable_zonal_shift=True, as prod_infra.compute.alb.Alb does.",
    controls={WELL_ARCHITECTED: ("REL11-BP02",)},
    check=equals("enableZonalShift", expected=True),
    passes=({"enableZonalShift": True},),
    fails=({"enableZonalShift": False},),
)

GROUP_DESCRIBED = ResourceRule(
    id="security-group-described",
    title="A security group, and each of its rules, says what it is for",
    why="A rule that nobody can explain is one that nobody dares to remove.",
    severity=Severity.LOW,
    on=(*SECURITY_GROUP, *SECURITY_GROUP_INGRESS_RULE, *EGRESS_RULE, *SECURITY_GROUP_RULE),
    keys=("description",),
    absent=Absent(means="the provider writes that Pulumi manages it, or nothing"),
    fix="Say in description who comes from where, as prod_infra.network.security_groups does.",
    controls={CHECKOV: ("CKV_AWS_23",), WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=satisfies(
        "description",
        lambda text: bool(str(text).strip()) and not str(text).startswith("Managed by "),
        "say what it is for",
    ),
    passes=({"description": "HTTPS from CloudFront"},),
    fails=({"description": ""}, {"description": "Managed by Pulumi"}),
)

VPC_DNS = ResourceRule(
    id="vpc-dns",
    title="Names resolve inside the VPC",
    why="Without them endpoints are not found, and every call takes the public way again.",
    severity=Severity.LOW,
    on=VPC,
    keys=("enableDnsHostnames", "enableDnsSupport"),
    absent=Absent(means="AWS gives no host names, and private DNS of endpoints doesn't work"),
    fix="Leave both to prod_infra.network.vpc.Vpc.",
    controls={WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=all_of(
        equals("enableDnsHostnames", expected=True), equals("enableDnsSupport", expected=True, absent_ok=True)
    ),
    passes=({"enableDnsHostnames": True, "enableDnsSupport": True}, {"enableDnsHostnames": True}),
    fails=({"enableDnsHostnames": False}, {"enableDnsSupport": False}),
)


def _named(path: str) -> Check:
    return satisfies(path, lambda groups: len(groups) > 0, "name a security group")


def _own_group(path: str) -> dict[str, Any]:
    example: Any = ["sg-1"]
    nothing: Any = []
    for key in reversed(path.split(".")):
        example, nothing = {key: example}, {key: nothing}
    return {
        "why": "Without one it lands in the VPC's default group.",
        "severity": Severity.MEDIUM,
        "keys": (path,),
        "absent": Absent(means="AWS puts it into the VPC's default group"),
        "fix": "Give it its own group of prod_infra.network.security_groups.",
        "controls": {WELL_ARCHITECTED: ("SEC05-BP02",)},
        "check": _named(path),
        "passes": (example,),
        "fails": (nothing,),
    }


def _alb_groups(props: Props) -> Iterator[str]:
    if props.get("loadBalancerType") not in ("network", "gateway"):
        yield from _named("securityGroups")(props)


ALB_OWN_GROUP = ResourceRule(
    id="alb-own-security-group",
    title="A load balancer has a security group of its own",
    on=LOAD_BALANCER,
    **{**_own_group("securityGroups"), "check": _alb_groups},
)

DOCDB_OWN_GROUP = ResourceRule(
    id="docdb-own-security-group",
    title="DocumentDB has a security group of its own",
    on=DOCDB_CLUSTER,
    **_own_group("vpcSecurityGroupIds"),
)

SERVICE_OWN_GROUP = ResourceRule(
    id="ecs-own-security-group",
    title="A service has a security group of its own",
    on=ECS_SERVICE,
    **_own_group("networkConfiguration.securityGroups"),
)

RULES = (
    CERTIFICATE_RENEWS,
    CERTIFICATE_KEY,
    ALARM_ACTS,
    ECS_INSIGHTS,
    ECS_PLATFORM,
    SECRET_RECOVERY,
    ALB_ZONAL_SHIFT,
    GROUP_DESCRIBED,
    VPC_DNS,
    ALB_OWN_GROUP,
    DOCDB_OWN_GROUP,
    SERVICE_OWN_GROUP,
)
