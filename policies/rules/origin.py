"""Requests reach the load balancer by way of our own distribution: how each proves that, and refuses what doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pulumi_policy.proxy import UnknownValueError

from policies.checks import Props, each, given, present
from policies.graph import items
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.rules.network import HTTPS_PORT
from policies.tokens import DISTRIBUTION, LISTENER, LISTENER_RULE


def _forwards(props: Props, key: str) -> bool:
    return any(action.get("type") == "forward" for action in items(props.get(key)))


def _default_refuses(props: Props) -> Iterator[str]:
    if props.get("port") == HTTPS_PORT and _forwards(props, "defaultActions"):
        yield "defaultActions forward what no rule has checked; the default must be to refuse"


LISTENER_REFUSES = ResourceRule(
    id="listener-default-refuses",
    title="The listener that CloudFront uses refuses what no rule admits",
    why="CloudFront's addresses are every customer's of AWS: only a secret header says that it was our distribution.",
    severity=Severity.HIGH,
    on=LISTENER,
    keys=("defaultActions", "port"),
    absent=Absent(means="AWS refuses a listener without one, and says so late", passes=True),
    fix="Keep the fixed 403 response of prod_infra.compute.alb_listeners.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=_default_refuses,
    passes=(
        {"port": 443, "defaultActions": [{"type": "fixed-response"}]},
        {"port": 8443, "defaultActions": [{"type": "forward"}]},
    ),
    fails=({"defaultActions": [{"type": "forward"}]},),
)


def _says_something(header: Props) -> bool:
    """Whether a header has values, none of which any text would match; one that AWS has yet to decide is a text."""
    values = header.get("values") or ()
    for index in range(len(values)):
        with suppress(UnknownValueError):
            if not str(values[index]).strip("*?"):
                return False
    return len(values) > 0


def _asks_header(props: Props) -> Iterator[str]:
    asked = (condition.get("httpHeader") for condition in items(props.get("conditions")))
    if _forwards(props, "actions") and not any(header and _says_something(header) for header in asked):
        yield "conditions ask for no header; the rule must ask for the one that only our distribution sends"


LISTENER_RULE_HEADER = ResourceRule(
    id="listener-rule-origin-header",
    title="A listener's rule forwards only what carries the distribution's secret header",
    why="CloudFront's addresses are every customer's of AWS: only a secret header says that it was our distribution.",
    severity=Severity.HIGH,
    on=LISTENER_RULE,
    keys=("conditions", "actions"),
    absent=Absent(means="AWS refuses a rule without conditions, and says so late"),
    fix="Keep the header's condition of prod_infra.compute.alb_listeners.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=_asks_header,
    passes=(
        {
            "actions": [{"type": "forward"}],
            "conditions": [{"httpHeader": {"httpHeaderName": "X-Origin-Verify", "values": [UNKNOWN]}}],
        },
        {"actions": [{"type": "redirect"}], "conditions": [{"pathPattern": {"values": ["/*"]}}]},
    ),
    fails=(
        {"conditions": []},
        {"conditions": [{"pathPattern": {"values": ["/*"]}}]},
        {"conditions": [{"httpHeader": {"httpHeaderName": "X-Origin-Verify", "values": ["*"]}}]},
    ),
)


def _proves_itself(origin: Props) -> Iterator[str]:
    if given(origin, "customOriginConfig") and origin["customOriginConfig"] is not None:
        yield from present("customHeaders")(origin)
        yield from each("customHeaders", present("value"))(origin)


_API = {"originId": "api", "customOriginConfig": {"originProtocolPolicy": "https-only"}}

CLOUDFRONT_ORIGIN_HEADER = ResourceRule(
    id="cloudfront-origin-header",
    title="CloudFront proves itself to its own origins by a secret header",
    why="Without it the load balancer must admit every customer of CloudFront, or refuses this one too.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("origins", "origins[].customHeaders"),
    absent=Absent(means="there is no origin to speak to", passes=True),
    fix="Keep the custom header of prod_infra.edge.cdn.Cdn.",
    controls={WELL_ARCHITECTED: ("SEC05-BP01",)},
    check=each("origins", _proves_itself),
    passes=(
        {"origins": [{**_API, "customHeaders": [{"name": "X-Origin-Verify", "value": UNKNOWN}]}]},
        {"origins": [{"originId": "site", "originAccessControlId": "E1"}]},
    ),
    fails=({"origins": [_API]}, {"origins": [{**_API, "customHeaders": []}]}),
)


def _certified(props: Props) -> Iterator[str]:
    if given(props, "protocol") and props["protocol"] in ("HTTPS", "TLS"):
        yield from present("certificateArn")(props)


LISTENER_CERTIFICATE = ResourceRule(
    id="listener-certificate",
    title="An HTTPS listener has a certificate",
    why="AWS refuses one without, in the middle of an update.",
    severity=Severity.MEDIUM,
    on=LISTENER,
    keys=("protocol", "certificateArn"),
    absent=Absent(means="AWS refuses a listener without one; listener-https objects", passes=True),
    fix="Give prod_infra.compute.alb the regional certificate of prod_infra.edge.acm_cert.",
    controls={WELL_ARCHITECTED: ("SEC09-BP01",)},
    check=_certified,
    passes=({"protocol": "HTTPS", "certificateArn": UNKNOWN}, {"protocol": "HTTP"}),
    fails=({"certificateArn": None}, {"certificateArn": ""}),
)

RULES = (LISTENER_REFUSES, LISTENER_RULE_HEADER, CLOUDFRONT_ORIGIN_HEADER, LISTENER_CERTIFICATE)
