"""Distributions, functions and origin access controls."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle
from tests.local_aws.provider.test_acm import CERTIFICATE, VALIDATION, prove

CONTROL = "aws:cloudfront/originAccessControl:OriginAccessControl"
FUNCTION = "aws:cloudfront/function:Function"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
# AWS's managed CachingOptimized policy.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"

SIGN_S3 = {"originAccessControlOriginType": "s3", "signingBehavior": "always", "signingProtocol": "sigv4"}


def behaviour(origin: str, **more: Any) -> dict[str, Any]:
    """Return a cache behaviour."""
    return {
        "targetOriginId": origin,
        "viewerProtocolPolicy": "redirect-to-https",
        "allowedMethods": ["GET", "HEAD"],
        "cachedMethods": ["GET", "HEAD"],
        "cachePolicyId": CACHING_OPTIMIZED,
        "compress": True,
        **more,
    }


@pytest.fixture
def site(clients: Clients) -> dict[str, Any]:
    """The inputs of a distribution with one bucket."""
    control = made(clients, CONTROL, SIGN_S3).id
    return {
        "enabled": True,
        "isIpv6Enabled": True,
        "defaultRootObject": "index.html",
        "origins": [
            {
                "originId": "site",
                "domainName": "site.s3.eu-central-1.amazonaws.com",
                "originAccessControlId": control,
            }
        ],
        "defaultCacheBehavior": behaviour("site"),
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": {"cloudfrontDefaultCertificate": True},
        "tags": {"Name": "site"},
    }


def test_origin_access_control(clients: Clients) -> None:
    """An access control lives, and changes in place."""
    run_lifecycle(clients, CONTROL, SIGN_S3, SIGN_S3 | {"description": "site"}, SIGN_S3 | {"signingBehavior": "never"})


def test_function(clients: Clients) -> None:
    """A function lives; new code is published."""
    inputs = {"name": "spa", "runtime": "cloudfront-js-2.0", "code": "function handler(e) { return e.request }"}
    state = run_lifecycle(
        clients, FUNCTION, inputs, inputs | {"code": "function handler(event) { return event.request }"}
    )
    assert state["arn"].endswith(":function/spa")
    assert state["liveStageEtag"]


def test_plain_distribution(clients: Clients, site: dict[str, Any]) -> None:
    """A distribution lives; what CloudFront fills in is no change."""
    state = run_lifecycle(
        clients, DISTRIBUTION, site, site | {"comment": "site", "httpVersion": "http2and3"}, site | {"tags": {"a": "b"}}
    )
    assert state["domainName"].endswith(".cloudfront.net")
    assert state["hostedZoneId"] == "Z2FDTNDATAQYW2"
    assert state["status"] == "Deployed"


def test_full_distribution(clients: Clients, site: dict[str, Any]) -> None:
    """A production distribution lives: aliases, certificate, an API origin with a secret header, functions, errors."""
    certificate = made(
        clients, CERTIFICATE, {"domainName": "example.com", "validationMethod": "DNS", "region": "us-east-1"}
    )
    names = prove(clients, certificate)
    made(
        clients,
        VALIDATION,
        {"certificateArn": certificate.id, "validationRecordFqdns": names, "region": "us-east-1"},
    )
    function = made(
        clients, FUNCTION, {"runtime": "cloudfront-js-2.0", "code": "function handler(e) { return e.request }"}
    ).state["arn"]
    api = {
        "originId": "api",
        "domainName": "origin-alb.example.com",
        "customHeaders": [{"name": "X-Origin", "value": "made-up"}],
        "customOriginConfig": {
            "httpPort": 80,
            "httpsPort": 443,
            "originProtocolPolicy": "https-only",
            "originSslProtocols": ["TLSv1.2"],
        },
    }
    methods = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
    inputs = site | {
        "aliases": ["example.com"],
        "origins": [*site["origins"], api],
        "viewerCertificate": {
            "acmCertificateArn": certificate.id,
            "minimumProtocolVersion": "TLSv1.2_2021",
            "sslSupportMethod": "sni-only",
        },
        "defaultCacheBehavior": behaviour(
            "site", functionAssociations=[{"eventType": "viewer-request", "functionArn": function}]
        ),
        "orderedCacheBehaviors": [behaviour("api", pathPattern="/api/*", allowedMethods=methods)],
        "customErrorResponses": [
            {"errorCode": 403, "responseCode": 200, "responsePagePath": "/index.html", "errorCachingMinTtl": 10}
        ],
        "loggingConfig": {"bucket": "logs.s3.amazonaws.com", "prefix": "cdn/"},
    }
    moved = [*site["origins"], api | {"originPath": "/v2"}]
    allowed = {"geoRestriction": {"restrictionType": "whitelist", "locations": ["DE", "AT"]}}
    state = run_lifecycle(
        clients,
        DISTRIBUTION,
        inputs,
        inputs | {"origins": moved},
        inputs | {"restrictions": allowed, "customErrorResponses": []},
        secrets=["origins"],
    )
    assert state["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"


def test_behaviour_without_its_origin(clients: Clients, site: dict[str, Any]) -> None:
    """A behaviour that names no origin is refused before anything is created."""
    failures = Resource(clients, DISTRIBUTION).check(site | {"defaultCacheBehavior": behaviour("sight")})
    assert "'sight'" in failures["defaultCacheBehavior.targetOriginId"]


def test_function_that_a_kill_left_unpublished_is_published(clients: Clients) -> None:
    """Taking over a function whose creation was cut short publishes it: a distribution takes no other."""
    function = Resource(clients, "aws:cloudfront/function:Function")
    function.check({"name": "half", "runtime": "cloudfront-js-2.0", "code": "function handler(event) {}"})
    clients("cloudfront").create_function(
        Name="half",
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=b"function handler(event) {}",
    )
    assert function.recover() == "half"
    assert clients("cloudfront").describe_function(Name="half", Stage="LIVE")["ETag"]
