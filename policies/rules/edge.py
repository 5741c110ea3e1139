"""What CloudFront speaks to viewers and to origins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.checks import Props, all_of, each, equals, given, one_of, only, present, satisfies
from policies.rule import CHECKOV, FSBP, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.tokens import DISTRIBUTION, ORIGIN_ACCESS_CONTROL

VIEWER_HTTPS = ("redirect-to-https", "https-only")
MODERN_TLS = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")

CLOUDFRONT_VIEWER_HTTPS = ResourceRule(
    id="cloudfront-viewer-https",
    title="CloudFront serves viewers over HTTPS only, whatever the path",
    why="Plain HTTP can be read and changed on the way.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("defaultCacheBehavior.viewerProtocolPolicy", "orderedCacheBehaviors[].viewerProtocolPolicy"),
    absent=Absent(means="AWS refuses a behaviour without one, and says so late"),
    fix="Keep viewer_protocol_policy redirect-to-https in every behaviour, as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.3",), CHECKOV: ("CKV_AWS_34",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=all_of(
        one_of("defaultCacheBehavior.viewerProtocolPolicy", VIEWER_HTTPS),
        each("orderedCacheBehaviors", one_of("viewerProtocolPolicy", VIEWER_HTTPS)),
    ),
    passes=(
        {
            "defaultCacheBehavior": {"viewerProtocolPolicy": "redirect-to-https"},
            "orderedCacheBehaviors": [{"pathPattern": "/api/*", "viewerProtocolPolicy": "https-only"}],
        },
    ),
    fails=(
        {"defaultCacheBehavior": {"viewerProtocolPolicy": "allow-all"}},
        {"orderedCacheBehaviors": [{"viewerProtocolPolicy": "https-only"}, {"viewerProtocolPolicy": "allow-all"}]},
    ),
)

CLOUDFRONT_TLS = ResourceRule(
    id="cloudfront-minimum-tls",
    title="CloudFront speaks TLS 1.2 (2021) or newer to viewers",
    why="Older policies offer protocols and ciphers that have been broken.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("viewerCertificate.minimumProtocolVersion",),
    absent=Absent(means="AWS offers TLS 1.0"),
    fix="Set minimum_protocol_version=TLSv1.2_2021 or newer, as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.15",), CHECKOV: ("CKV_AWS_174",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=one_of("viewerCertificate.minimumProtocolVersion", MODERN_TLS),
    passes=(
        {"viewerCertificate": {"minimumProtocolVersion": "TLSv1.2_2021"}},
        {"viewerCertificate": {"minimumProtocolVersion": "TLSv1.3_2025"}},
    ),
    fails=(
        {"viewerCertificate": {"minimumProtocolVersion": "TLSv1.2_2018"}},
        {"viewerCertificate": {"minimumProtocolVersion": "TLSv1"}},
    ),
)

CLOUDFRONT_OWN_CERTIFICATE = ResourceRule(
    id="cloudfront-own-certificate",
    title="CloudFront shows the domain's own certificate, by SNI",
    why="The shared cloudfront.net certificate allows TLS 1.0 whatever minimum is set.",
    severity=Severity.MEDIUM,
    on=DISTRIBUTION,
    keys=("viewerCertificate.sslSupportMethod", "viewerCertificate.acmCertificateArn"),
    absent=Absent(means="AWS refuses an own certificate without it, and says so late"),
    fix="Give prod_infra.edge.cdn.Cdn the certificate of prod_infra.edge.acm_cert.",
    controls={FSBP: ("CloudFront.7", "CloudFront.8"), CHECKOV: ("CKV2_AWS_42",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=all_of(
        present("viewerCertificate.acmCertificateArn"),
        equals("viewerCertificate.sslSupportMethod", "sni-only"),
    ),
    passes=({"viewerCertificate": {"acmCertificateArn": "arn:aws:acm:…", "sslSupportMethod": "sni-only"}},),
    fails=(
        {"viewerCertificate": {"cloudfrontDefaultCertificate": True}},
        {"viewerCertificate": {"acmCertificateArn": "arn:aws:acm:…", "sslSupportMethod": "vip"}},
    ),
)


def _custom(origin: Props) -> bool:
    return given(origin, "customOriginConfig") and origin["customOriginConfig"] is not None


def _custom_origin_https(origin: Props) -> Iterator[str]:
    if _custom(origin):
        yield from all_of(
            equals("customOriginConfig.originProtocolPolicy", "https-only"),
            only("customOriginConfig.originSslProtocols", ("TLSv1.2",)),
            # Any other port is a listener for tests, which asks for no secret header.
            equals("customOriginConfig.httpsPort", 443, absent_ok=True),
        )(origin)


def _custom_example(**config: Any) -> Mapping[str, Any]:
    good = {"originProtocolPolicy": "https-only", "originSslProtocols": ["TLSv1.2"]}
    return {"origins": [{"originId": "alb", "customOriginConfig": {**good, **config}}]}


CLOUDFRONT_ORIGIN_HTTPS = ResourceRule(
    id="cloudfront-origin-https",
    title="CloudFront speaks HTTPS with TLS 1.2 to its own origins",
    why="Behind CloudFront the requests would cross the internet in the clear.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("origins", "origins[].customOriginConfig.originProtocolPolicy"),
    absent=Absent(means="there is no origin to speak to", passes=True),
    fix="Keep origin_protocol_policy=https-only and origin_ssl_protocols=[TLSv1.2], as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.9", "CloudFront.10"), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=each("origins", _custom_origin_https),
    passes=(_custom_example(), {"origins": [{"originId": "site", "originAccessControlId": "E1"}]}),
    fails=(
        _custom_example(originProtocolPolicy="http-only"),
        _custom_example(originProtocolPolicy="match-viewer"),
        _custom_example(originSslProtocols=["TLSv1", "TLSv1.2"]),
        _custom_example(originSslProtocols=[]),
        _custom_example(httpsPort=8443),
    ),
)


def _by_access_control(origin: Props) -> Iterator[str]:
    if not _custom(origin) and not given(origin, "vpcOriginConfig"):
        yield from present("originAccessControlId")(origin)


CLOUDFRONT_OAC = ResourceRule(
    id="cloudfront-origin-access-control",
    title="CloudFront reads buckets through an origin access control",
    why="Otherwise the bucket must be open to others than the distribution, and what it serves can't be protected.",
    severity=Severity.HIGH,
    on=DISTRIBUTION,
    keys=("origins", "origins[].originAccessControlId"),
    absent=Absent(means="there is no origin to read", passes=True),
    fix="Give each bucket origin an origin_access_control_id, as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.13",), CHECKOV: ("CKV2_AWS_46",), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=each("origins", _by_access_control),
    passes=({"origins": [{"originId": "site", "originAccessControlId": "E1"}]}, _custom_example()),
    fails=(
        {"origins": [{"originId": "site"}]},
        {"origins": [{"originId": "site", "s3OriginConfig": {"originAccessIdentity": "E2"}}]},
        {"origins": [{"originId": "site", "originAccessControlId": ""}]},
    ),
)

CLOUDFRONT_OAC_SIGNS = ResourceRule(
    id="cloudfront-origin-access-signs",
    title="An origin access control signs every request",
    why="An unsigned request reaches the bucket as anyone's, and a viewer's own signature would be passed on.",
    severity=Severity.HIGH,
    on=ORIGIN_ACCESS_CONTROL,
    keys=("signingBehavior", "signingProtocol"),
    absent=Absent(means="AWS refuses one without it, and says so late"),
    fix="Set signing_behavior=always and signing_protocol=sigv4, as prod_infra.edge.cdn.Cdn does.",
    controls={FSBP: ("CloudFront.13",), WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=all_of(equals("signingBehavior", "always"), equals("signingProtocol", "sigv4")),
    passes=({"signingBehavior": "always", "signingProtocol": "sigv4"},),
    fails=({"signingBehavior": "never"}, {"signingBehavior": "no-override"}),
)


FIRST_ERROR_STATUS = 400

CLOUDFRONT_HONEST_ERRORS = ResourceRule(
    id="cloudfront-honest-errors",
    title="CloudFront doesn't turn an origin's error into a success",
    why="Error responses hold for every path: an /api 404 would reach clients, and monitors, as a 200 page.",
    severity=Severity.MEDIUM,
    on=DISTRIBUTION,
    keys=("customErrorResponses", "customErrorResponses[].responseCode"),
    absent=Absent(means="errors stay errors", passes=True),
    fix="Route page paths by the viewer-request function of prod_infra.edge.cdn.Cdn, not by error responses.",
    controls={WELL_ARCHITECTED: ("OPS08-BP01",)},
    check=each(
        "customErrorResponses",
        # 0 and no code at all both leave the origin's own.
        satisfies("responseCode", lambda code: code == 0 or code >= FIRST_ERROR_STATUS, "be an error", absent_ok=True),
    ),
    passes=({"customErrorResponses": [{"errorCode": 503, "responseCode": 503}]}, {}),
    fails=({"customErrorResponses": [{"errorCode": 404, "responseCode": 200, "responsePagePath": "/index.html"}]},),
)

RULES = (
    CLOUDFRONT_VIEWER_HTTPS,
    CLOUDFRONT_TLS,
    CLOUDFRONT_OWN_CERTIFICATE,
    CLOUDFRONT_ORIGIN_HTTPS,
    CLOUDFRONT_OAC,
    CLOUDFRONT_OAC_SIGNS,
    CLOUDFRONT_HONEST_ERRORS,
)
