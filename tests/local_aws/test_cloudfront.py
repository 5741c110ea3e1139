"""CloudFront on the local AWS: whole distributions read back, functions have stages, and ETags count."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import issued_certificate, refused

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
CONTROL = {
    "Name": "site",
    "Description": "x",
    "SigningProtocol": "sigv4",
    "SigningBehavior": "always",
    "OriginAccessControlOriginType": "s3",
}


def several(*items: Any) -> dict[str, Any]:
    """Return a list as CloudFront writes it."""
    return {"Quantity": len(items), "Items": list(items)}


def make_function(clients: Clients, *, publish: bool = True) -> str:
    """Create the function `spa` and return its ARN."""
    cloudfront = clients("cloudfront")
    made = cloudfront.create_function(
        Name="spa", FunctionConfig={"Comment": "x", "Runtime": "cloudfront-js-2.0"}, FunctionCode=b"one"
    )
    if publish:
        cloudfront.publish_function(Name="spa", IfMatch=made["ETag"])
    arn: str = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    return arn


@pytest.fixture
def config(clients: Clients) -> dict[str, Any]:
    """A distribution's configuration with everything that production's uses."""
    control = clients("cloudfront").create_origin_access_control(OriginAccessControlConfig=CONTROL)
    methods = several("HEAD", "GET") | {"CachedMethods": several("HEAD", "GET")}
    return {
        "CallerReference": "one",
        "Comment": "production",
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "HttpVersion": "http2and3",
        "IsIPV6Enabled": True,
        "PriceClass": "PriceClass_100",
        "WebACLId": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/prod/1",
        "Aliases": several("example.com", "www.example.com"),
        "Origins": several(
            {
                "Id": "site",
                "DomainName": "site.s3.eu-central-1.amazonaws.com",
                "OriginAccessControlId": control["OriginAccessControl"]["Id"],
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            },
            {
                "Id": "alb",
                "DomainName": "origin-alb.example.com",
                "ConnectionAttempts": 2,
                "ConnectionTimeout": 5,
                "CustomHeaders": several({"HeaderName": "x-origin-verify", "HeaderValue": "planted"}),
                "CustomOriginConfig": {
                    "HTTPPort": 80,
                    "HTTPSPort": 443,
                    "OriginProtocolPolicy": "https-only",
                    "OriginSslProtocols": several("TLSv1.2"),
                    "OriginReadTimeout": 30,
                    "OriginKeepaliveTimeout": 5,
                },
            },
        ),
        "DefaultCacheBehavior": {
            "TargetOriginId": "site",
            "ViewerProtocolPolicy": "redirect-to-https",
            "AllowedMethods": methods,
            "Compress": True,
            "CachePolicyId": CACHING_OPTIMIZED,
            "ResponseHeadersPolicyId": SECURITY_HEADERS,
            "FunctionAssociations": several({"FunctionARN": make_function(clients), "EventType": "viewer-request"}),
        },
        "CacheBehaviors": several(
            {
                "PathPattern": "/api/*",
                "TargetOriginId": "alb",
                "ViewerProtocolPolicy": "https-only",
                "AllowedMethods": methods,
                "Compress": False,
                "CachePolicyId": CACHING_DISABLED,
                "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
            }
        ),
        "Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "logs.s3.amazonaws.com", "Prefix": "cdn/"},
        "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", **several("DE", "FR")}},
        "ViewerCertificate": {
            "ACMCertificateArn": issued_certificate(clients),
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "CloudFrontDefaultCertificate": False,
        },
    }


def create(clients: Clients, config: dict[str, Any]) -> dict[str, Any]:
    """Create a distribution and return the whole answer."""
    answer: dict[str, Any] = clients("cloudfront").create_distribution(DistributionConfig=config)
    return answer


def within(given: Any, found: Any) -> bool:
    """Return whether everything given is found, among what CloudFront adds."""
    if isinstance(given, dict):
        return all(key in found and within(value, found[key]) for key, value in given.items())
    if isinstance(given, list):
        return len(given) == len(found) and all(map(within, given, found))
    return bool(given == found)


def test_a_distribution_reads_back_as_it_was_set(clients: Clients, config: dict[str, Any]) -> None:
    """Origins, behaviours, functions, certificate and the rest survive the round trip; it is deployed."""
    identifier = create(clients, config)["Distribution"]["Id"]
    found = clients("cloudfront").get_distribution(Id=identifier)["Distribution"]
    assert within(config, found["DistributionConfig"])
    assert "ForwardedValues" not in found["DistributionConfig"]["DefaultCacheBehavior"]
    assert found["Status"] == "Deployed"


def test_silence_means_cloudfronts_defaults(clients: Clients) -> None:
    """The least configuration comes back complete."""
    least = {
        "CallerReference": "least",
        "Comment": "",
        "Enabled": True,
        "Origins": several(
            {"Id": "site", "DomainName": "site.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
        ),
        "DefaultCacheBehavior": {
            "TargetOriginId": "site",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": CACHING_OPTIMIZED,
        },
    }
    found = create(clients, least)["Distribution"]["DistributionConfig"]
    assert found["ViewerCertificate"]["CloudFrontDefaultCertificate"] is True
    assert found["PriceClass"] == "PriceClass_All"
    assert found["DefaultCacheBehavior"]["AllowedMethods"]["Items"] == ["HEAD", "GET"]
    assert found["Origins"]["Items"][0]["ConnectionAttempts"] == 3


def test_an_update_needs_the_current_etag(clients: Clients, config: dict[str, Any]) -> None:
    """Who updates from an old reading is refused; the ETag changes with each update."""
    cloudfront, made = clients("cloudfront"), create(clients, config)
    identifier = made["Distribution"]["Id"]
    updated = cloudfront.update_distribution(
        Id=identifier, IfMatch=made["ETag"], DistributionConfig=config | {"Comment": "changed"}
    )
    again = {"Id": identifier, "IfMatch": made["ETag"], "DistributionConfig": config}
    assert refused(cloudfront.update_distribution, **again) == "PreconditionFailed"
    current = cloudfront.get_distribution_config(Id=identifier)
    assert (current["DistributionConfig"]["Comment"], current["ETag"]) == ("changed", updated["ETag"])


def test_only_a_disabled_distribution_is_deleted(clients: Clients, config: dict[str, Any]) -> None:
    """What is enabled stays; disabled, it goes, and its access control and function after it."""
    cloudfront, made = clients("cloudfront"), create(clients, config)
    identifier, etag = made["Distribution"]["Id"], made["ETag"]
    assert refused(cloudfront.delete_distribution, Id=identifier, IfMatch=etag) == "DistributionNotDisabled"
    etag = cloudfront.update_distribution(Id=identifier, IfMatch=etag, DistributionConfig=config | {"Enabled": False})[
        "ETag"
    ]
    control = config["Origins"]["Items"][0]["OriginAccessControlId"]
    control_etag = cloudfront.get_origin_access_control(Id=control)["ETag"]
    assert refused(cloudfront.delete_origin_access_control, Id=control, IfMatch=control_etag) == (
        "OriginAccessControlInUse"
    )
    function_etag = cloudfront.describe_function(Name="spa")["ETag"]
    assert refused(cloudfront.delete_function, Name="spa", IfMatch=function_etag) == "FunctionInUse"
    cloudfront.delete_distribution(Id=identifier, IfMatch=etag)
    cloudfront.delete_origin_access_control(Id=control, IfMatch=control_etag)
    cloudfront.delete_function(Name="spa", IfMatch=function_etag)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("DefaultCacheBehavior", "TargetOriginId"), "absent", "NoSuchOrigin"),
        (("DefaultCacheBehavior", "CachePolicyId"), "absent", "NoSuchCachePolicy"),
        (("ViewerCertificate", "ACMCertificateArn"), "arn:absent", "InvalidViewerCertificate"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    clients: Clients, config: dict[str, Any], path: tuple[str, str], value: str, code: str
) -> None:
    """A wrong origin, policy or certificate is AWS's error, and no distribution."""
    part, key = path
    config[part] = config[part] | {key: value}
    assert refused(create, clients=clients, config=config) == code
    assert clients("cloudfront").list_distributions()["DistributionList"]["Quantity"] == 0


def test_an_alias_belongs_to_one_distribution(clients: Clients, config: dict[str, Any]) -> None:
    """A second distribution with the same name is refused."""
    create(clients, config)
    again = config | {"CallerReference": "two"}
    assert refused(create, clients=clients, config=again) == "CNAMEAlreadyExists"


def test_an_access_control_changes_with_its_etag(clients: Clients) -> None:
    """An access control reads back, changes, and its name is taken."""
    cloudfront = clients("cloudfront")
    made = cloudfront.create_origin_access_control(OriginAccessControlConfig=CONTROL)
    identifier = made["OriginAccessControl"]["Id"]
    assert refused(cloudfront.create_origin_access_control, OriginAccessControlConfig=CONTROL) == (
        "OriginAccessControlAlreadyExists"
    )
    changed = CONTROL | {"Description": "y"}
    cloudfront.update_origin_access_control(Id=identifier, IfMatch=made["ETag"], OriginAccessControlConfig=changed)
    found = cloudfront.get_origin_access_control_config(Id=identifier)
    assert found["OriginAccessControlConfig"] == changed
    assert found["ETag"] != made["ETag"]


def test_an_update_of_a_function_is_live_once_published(clients: Clients) -> None:
    """The LIVE stage keeps its code until the next publish, and is absent before the first."""
    cloudfront = clients("cloudfront")
    make_function(clients, publish=False)
    assert refused(cloudfront.describe_function, Name="spa", Stage="LIVE") == "NoSuchFunctionExists"
    etag = cloudfront.describe_function(Name="spa")["ETag"]
    cloudfront.publish_function(Name="spa", IfMatch=etag)
    etag = cloudfront.update_function(
        Name="spa",
        IfMatch=etag,
        FunctionConfig={"Comment": "y", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=b"two",
    )["ETag"]
    assert cloudfront.get_function(Name="spa", Stage="LIVE")["FunctionCode"].read() == b"one"
    cloudfront.publish_function(Name="spa", IfMatch=etag)
    assert cloudfront.get_function(Name="spa", Stage="LIVE")["FunctionCode"].read() == b"two"
    assert refused(cloudfront.delete_function, Name="spa", IfMatch="old") == "InvalidIfMatchVersion"


def test_managed_policies_have_their_documented_ids(clients: Clients) -> None:
    """Each kind is listed and got by ID; custom ones are none."""
    cloudfront = clients("cloudfront")
    listed = cloudfront.list_cache_policies(Type="managed")["CachePolicyList"]["Items"]
    names = {each["CachePolicy"]["Id"]: each["CachePolicy"]["CachePolicyConfig"]["Name"] for each in listed}
    assert names[CACHING_OPTIMIZED] == "Managed-CachingOptimized"
    policy = cloudfront.get_origin_request_policy(Id=ALL_VIEWER_EXCEPT_HOST)["OriginRequestPolicy"]
    assert policy["OriginRequestPolicyConfig"]["HeadersConfig"]["HeaderBehavior"] == "allExcept"
    headers = cloudfront.get_response_headers_policy_config(Id=SECURITY_HEADERS)["ResponseHeadersPolicyConfig"]
    assert headers["SecurityHeadersConfig"]["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000
    assert cloudfront.list_cache_policies(Type="custom")["CachePolicyList"]["Quantity"] == 0
    assert refused(cloudfront.get_cache_policy, Id="absent") == "NoSuchCachePolicy"
