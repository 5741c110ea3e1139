"""What the load balancer speaks, and how it is kept."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import Props, equals, given, one_of, unless
from policies.graph import items
from policies.rule import CHECKOV, FSBP, SECURITY_HUB, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.tokens import LISTENER, LOAD_BALANCER, TARGET_GROUP

# FSBP ELB.17: forward secrecy and AEAD ciphers only, TLS 1.2 or newer.
RESILIENT_TLS_POLICIES = (
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
)
ENCRYPTED = ("HTTPS", "TLS")


def redirects_to_https(action: Props) -> bool:
    """Whether a listener's action sends the client to HTTPS; AWS keeps protocol and port where none is named."""
    redirect = action.get("redirect") or {}
    to_https = redirect.get("protocol") == "HTTPS" and redirect.get("port") == "443"
    return action.get("type") == "redirect" and to_https


def _encrypted_or_redirects(props: Props) -> Iterator[str]:
    protocol = props.get("protocol")
    if protocol in ENCRYPTED:
        return
    actions = list(items(props.get("defaultActions")))
    if protocol == "HTTP" and actions and all(redirects_to_https(action) for action in actions):
        return
    yield "protocol must be HTTPS, or HTTP with nothing but a redirect to HTTPS in defaultActions"


def _listens_encrypted(props: Props) -> bool:
    return given(props, "protocol") and props["protocol"] in ENCRYPTED


def _tls_policy(props: Props) -> Iterator[str]:
    if _listens_encrypted(props):
        yield from one_of("sslPolicy", RESILIENT_TLS_POLICIES)(props)


def _redirect(**target: str) -> dict[str, object]:
    return {"type": "redirect", "redirect": target}


LISTENER_HTTPS = ResourceRule(
    id="listener-https",
    title="A load balancer listener speaks HTTPS or redirects to it",
    why="Plain HTTP can be read and changed on the way.",
    severity=Severity.HIGH,
    on=LISTENER,
    keys=("protocol", "defaultActions"),
    absent=Absent(means="AWS refuses a listener without one, and says so late"),
    fix="Let prod_infra.compute.alb.Alb make the listeners; its port 80 only redirects.",
    controls={FSBP: ("ELB.1",), CHECKOV: ("CKV_AWS_2", "CKV2_AWS_20"), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_encrypted_or_redirects,
    passes=(
        {"protocol": "HTTPS", "defaultActions": [{"type": "forward"}]},
        {"protocol": "HTTP", "defaultActions": [_redirect(protocol="HTTPS", port="443")]},
    ),
    fails=(
        {"protocol": "HTTP"},
        {"protocol": "HTTP", "defaultActions": []},
        {"protocol": "HTTP", "defaultActions": [_redirect(path="/")]},
        {"protocol": "HTTP", "defaultActions": [_redirect(protocol="HTTP", port="443")]},
        {"protocol": "HTTP", "defaultActions": [_redirect(protocol="HTTPS")]},
        {"protocol": "TCP"},
    ),
)

LISTENER_TLS_POLICY = ResourceRule(
    id="listener-tls-policy",
    title="An HTTPS listener offers TLS 1.2 and 1.3 with resilient ciphers only",
    why="The default policy still offers TLS 1.0 and ciphers without forward secrecy.",
    severity=Severity.HIGH,
    on=LISTENER,
    keys=("sslPolicy", "protocol"),
    absent=Absent(means="AWS uses ELBSecurityPolicy-2016-08, which offers TLS 1.0"),
    fix="Set the listener's ssl_policy to ELBSecurityPolicy-TLS13-1-2-Res-2021-06 or newer, as prod_infra.compute.alb.",
    controls={FSBP: ("ELB.17",), CHECKOV: ("CKV_AWS_103", "CKV2_AWS_74"), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_tls_policy,
    passes=(
        {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
        {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
        {"protocol": "HTTP"},
    ),
    fails=(
        {"sslPolicy": "ELBSecurityPolicy-2016-08"},
        {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"sslPolicy": "ELBSecurityPolicy-TLS13-1-0-2021-06"},
    ),
)

TARGET_GROUP_TLS = ResourceRule(
    id="target-group-https",
    title="The load balancer speaks TLS to its targets",
    why="Behind the listener the requests would cross the network in the clear, sessions and all.",
    severity=Severity.MEDIUM,
    on=TARGET_GROUP,
    keys=("protocol", "targetType"),
    absent=Absent(means="AWS refuses a target group without one, and says so late"),
    fix='Keep Settings.target_protocol="HTTPS"; where the app can\'t, ask for a waiver that says why.',
    controls={SECURITY_HUB: ("ELB.22",), CHECKOV: ("CKV_AWS_378",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=unless("targetType", ("lambda",), one_of("protocol", ENCRYPTED)),
    passes=({"protocol": "HTTPS", "targetType": "ip"}, {"targetType": "lambda"}),
    fails=({"protocol": "HTTP"}, {"protocol": "TCP"}),
)

TARGET_GROUP_HEALTH_CHECK_TLS = ResourceRule(
    id="target-group-health-check-https",
    title="The load balancer checks its targets' health over TLS",
    why="A check in the clear passes while the TLS that clients need is broken.",
    severity=Severity.MEDIUM,
    on=TARGET_GROUP,
    keys=("healthCheck.protocol", "targetType"),
    absent=Absent(means="AWS checks over HTTP"),
    fix='Keep Settings.target_protocol="HTTPS": the health check follows it.',
    controls={SECURITY_HUB: ("ELB.21",), CHECKOV: ("CKV_AWS_261",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=unless("targetType", ("lambda",), equals("healthCheck.protocol", "HTTPS")),
    passes=(
        {"targetType": "ip", "healthCheck": {"protocol": "HTTPS", "path": "/api/health"}},
        {"targetType": "lambda"},
    ),
    fails=({"healthCheck": {"protocol": "HTTP"}}, {"healthCheck": {}}),
)

ALB_DELETION_PROTECTION = ResourceRule(
    id="alb-deletion-protection",
    title="A load balancer can't be deleted by one call",
    why="A mistaken destroy would take the address that customers use.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("enableDeletionProtection",),
    absent=Absent(means="AWS lets anyone with the permission delete it"),
    fix="Keep the load balancer's deletion protection on, as prod_infra.compute.alb.Alb does.",
    controls={FSBP: ("ELB.6",), CHECKOV: ("CKV_AWS_150",), WELL_ARCHITECTED: ("REL11-BP04",)},
    check=equals("enableDeletionProtection", expected=True),
    passes=({"enableDeletionProtection": True},),
    fails=({"enableDeletionProtection": False},),
)

_APPLICATION_ONLY = ("network", "gateway")

ALB_DROPS_INVALID_HEADERS = ResourceRule(
    id="alb-drop-invalid-headers",
    title="A load balancer drops malformed headers",
    why="Servers that read them differently can be made to smuggle requests.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("dropInvalidHeaderFields", "loadBalancerType"),
    absent=Absent(means="AWS passes them on"),
    fix="Set drop_invalid_header_fields=True, as prod_infra.compute.alb.Alb does.",
    controls={FSBP: ("ELB.4",), CHECKOV: ("CKV_AWS_131",)},
    check=unless("loadBalancerType", _APPLICATION_ONLY, equals("dropInvalidHeaderFields", expected=True)),
    passes=({"dropInvalidHeaderFields": True}, {"loadBalancerType": "network"}),
    fails=({"dropInvalidHeaderFields": False},),
)

ALB_DESYNC = ResourceRule(
    id="alb-desync-mitigation",
    title="A load balancer defends against request smuggling",
    why="In monitor mode it only counts requests that two servers would read differently.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("desyncMitigationMode",),
    absent=Absent(means="AWS defends", passes=True),
    fix="Leave desync_mitigation_mode out, or set defensive or strictest.",
    controls={FSBP: ("ELB.12",), CHECKOV: ("CKV_AWS_328",), WELL_ARCHITECTED: ("SEC05-BP03",)},
    check=one_of("desyncMitigationMode", ("defensive", "strictest"), absent_ok=True),
    passes=({"desyncMitigationMode": "defensive"}, {"desyncMitigationMode": "strictest"}),
    fails=({"desyncMitigationMode": "monitor"},),
)


def _cross_zone(props: Props) -> Iterator[str]:
    # AWS: always on for application load balancers, off by default for the other kinds.
    application = not given(props, "loadBalancerType") or props["loadBalancerType"] in ("application", None)
    yield from equals("enableCrossZoneLoadBalancing", expected=True, absent_ok=application)(props)


ALB_CROSS_ZONE = ResourceRule(
    id="alb-cross-zone",
    title="A load balancer spreads requests over every zone",
    why="Otherwise one zone's tasks carry half the traffic, however few they are.",
    severity=Severity.MEDIUM,
    on=LOAD_BALANCER,
    keys=("enableCrossZoneLoadBalancing", "loadBalancerType"),
    absent=Absent(means="AWS has it always on for application load balancers", passes=True),
    fix="Keep Settings.enable_cross_zone_load_balancing=True.",
    controls={FSBP: ("ELB.13",), CHECKOV: ("CKV_AWS_152",), WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_cross_zone,
    passes=({"enableCrossZoneLoadBalancing": True}, {"loadBalancerType": "application"}),
    fails=(
        {"enableCrossZoneLoadBalancing": False},
        {"loadBalancerType": "network", "enableCrossZoneLoadBalancing": None},
    ),
)

TARGET_GROUP_CROSS_ZONE = ResourceRule(
    id="target-group-cross-zone",
    title="A target group doesn't turn cross-zone balancing off again",
    why="A target group's own word overrides the load balancer's.",
    severity=Severity.MEDIUM,
    on=TARGET_GROUP,
    keys=("loadBalancingCrossZoneEnabled",),
    absent=Absent(means="the load balancer decides", passes=True),
    fix="Keep Settings.enable_cross_zone_load_balancing=True.",
    controls={FSBP: ("ELB.13",), WELL_ARCHITECTED: ("REL10-BP01",)},
    check=one_of("loadBalancingCrossZoneEnabled", ("true", "use_load_balancer_configuration"), absent_ok=True),
    passes=({"loadBalancingCrossZoneEnabled": "use_load_balancer_configuration"},),
    fails=({"loadBalancingCrossZoneEnabled": "false"},),
)

RULES = (
    LISTENER_HTTPS,
    LISTENER_TLS_POLICY,
    TARGET_GROUP_TLS,
    TARGET_GROUP_HEALTH_CHECK_TLS,
    ALB_DELETION_PROTECTION,
    ALB_DROPS_INVALID_HEADERS,
    ALB_DESYNC,
    ALB_CROSS_ZONE,
    TARGET_GROUP_CROSS_ZONE,
)
