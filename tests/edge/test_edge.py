"""Certificates, buckets and the distribution."""

from __future__ import annotations

import json
from typing import Any

import pulumi_aws as aws
import pytest

from prod_infra.edge.bucket_policy import bucket_policy
from prod_infra.properties import plain
from tests.recording import production, record


def _distribution() -> dict[str, Any]:
    return production().inputs("cloudfront/distribution:Distribution")


def _behaviors() -> dict[str, dict[str, Any]]:
    distribution = _distribution()
    others = {item["pathPattern"]: item for item in distribution["orderedCacheBehaviors"]}
    return {"default": distribution["defaultCacheBehavior"], **others}


def test_certificates_are_where_they_are_used() -> None:
    """One certificate in us-east-1 for CloudFront, one in the environment's region, each waited for there."""
    for kind in ("acm/certificate:Certificate", "acm/certificateValidation:CertificateValidation"):
        assert production().inputs(kind, "global")["region"] == "us-east-1"
        assert "region" not in production().inputs(kind, "regional")


def test_one_record_proves_both_certificates() -> None:
    """Domain, wildcard and both regions share one validation record: a second would be refused as already there."""
    records = [item for item in production().of("route53/record:Record") if "validation" in item.name]
    assert len(records) == 1
    for item in production().of("acm/certificateValidation:CertificateValidation"):
        assert production().targets(item, "validationRecordFqdns") == [records[0].name]


def test_consumers_wait_for_issued_certificates() -> None:
    """Distribution and listeners take their certificate from the validation, not from the request."""
    found = production()
    distribution = found.named("cloudfront/distribution:Distribution")
    assert any("certificateValidation" in urn for urn in distribution.property_dependencies["viewerCertificate"])
    for listener in found.of("lb/listener:Listener"):
        if "certificateArn" in listener.inputs:
            assert "certificateValidation" in listener.property_dependencies["certificateArn"][0]


def test_buckets_tell_what_happens_to_them() -> None:
    """Each bucket tells EventBridge, so that whoever watches over deletions needs no change here."""
    found = production()
    told = [plain(item.inputs) for item in found.of("s3/bucketNotification:BucketNotification")]
    assert len(told) == len(found.of("s3/bucket:Bucket")) == 4
    assert all(item["eventbridge"] for item in told)


def test_viewers_get_https_only() -> None:
    """Every behaviour redirects to HTTPS and adds security headers, with TLS 1.2 at least."""
    for behavior in _behaviors().values():
        assert behavior["viewerProtocolPolicy"] == "redirect-to-https"
        assert behavior["responseHeadersPolicyId"]
    assert _distribution()["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"


def test_the_api_is_never_cached() -> None:
    """`/api/*` goes to the load balancer with every method and the policy CachingDisabled."""
    api = _behaviors()["/api/*"]
    assert api["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert "DELETE" in api["allowedMethods"]


def test_the_spa_fallback_leaves_the_api_alone() -> None:
    """Only the site's behaviour has the function, and no error page turns an API's 404 into a 200."""
    assert [name for name, item in _behaviors().items() if "functionAssociations" in item] == ["default"]
    assert "customErrorResponses" not in _distribution()


def test_origins() -> None:
    """Buckets are read with signatures; the load balancer over HTTPS, by a name its certificate covers."""
    origins = {origin["originId"]: origin for origin in _distribution()["origins"]}
    assert "originAccessControlId" in origins["site"]
    assert "originAccessControlId" in origins["images"]
    assert origins["api"]["customOriginConfig"]["originProtocolPolicy"] == "https-only"
    assert origins["api"]["customHeaders"][0]["name"] == "X-Origin-Verify"
    assert production().inputs("route53/record:Record", "origin-alb")["name"] == "origin-alb.example.com"
    assert production().inputs("acm/certificate:Certificate", "regional")["subjectAlternativeNames"] == [
        "*.example.com"
    ]


def test_the_domain_answers_on_both_protocols() -> None:
    """The domain has an A and an AAAA record, both of the distribution."""
    records = [plain(item.inputs) for item in production().of("route53/record:Record")]
    assert sorted(item["type"] for item in records if item["name"] == "example.com") == ["A", "AAAA"]


@pytest.mark.parametrize("name", ["site", "images"])
def test_buckets_are_private(name: str) -> None:
    """Each bucket blocks public access, has no ACLs, keeps versions and encrypts."""
    found = production()
    block = found.inputs("s3/bucketPublicAccessBlock:BucketPublicAccessBlock", name)
    assert [value for value in block.values() if isinstance(value, bool)] == [True] * 4
    assert found.inputs("s3/bucketOwnershipControls:BucketOwnershipControls", name)["rule"] == {
        "objectOwnership": "BucketOwnerEnforced"
    }
    assert found.inputs("s3/bucketVersioning:BucketVersioning", name)["versioningConfiguration"] == {
        "status": "Enabled"
    }
    assert found.named("s3/bucket:Bucket", name).protect


def test_bucket_policy_admits_one_distribution_over_tls() -> None:
    """CloudFront reads for one distribution alone, and plain HTTP is denied to all."""
    policy = record(
        lambda: aws.s3.BucketPolicy("it", bucket="b", policy=bucket_policy("arn:aws:s3:::b", "arn:aws:cloudfront::1:d"))
    ).inputs("s3/bucketPolicy:BucketPolicy")["policy"]
    allow, deny = json.loads(policy)["Statement"]
    assert allow["Condition"] == {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::1:d"}}
    assert (allow["Action"], allow["Resource"]) == ("s3:GetObject", "arn:aws:s3:::b/*")
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def _web_acl(name: str) -> dict[str, Any]:
    return production().inputs("wafv2/webAcl:WebAcl", name)


def test_firewall_stands_before_distribution_and_load_balancer() -> None:
    """Both have AWS's managed rules, Log4j's among them, and write what they looked at, without credentials."""
    found = production()
    assert found.targets(found.named("cloudfront/distribution:Distribution"), "webAclId") == ["prod-cdn-waf"]
    association = found.named("wafv2/webAclAssociation:WebAclAssociation")
    assert found.targets(association, "resourceArn") == ["prod-alb"]
    for name in ("prod-cdn-waf", "prod-alb-waf"):
        groups = {
            rule["statement"]["managedRuleGroupStatement"]["name"]
            for rule in _web_acl(name)["rules"]
            if "managedRuleGroupStatement" in rule["statement"]
        }
        assert {"AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAnonymousIpList"} <= groups
        redacted = found.inputs("wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", name)["redactedFields"]
        assert {"cookie", "authorization"} <= {field["singleHeader"]["name"] for field in redacted}


def test_only_cloudfront_limits_the_rate() -> None:
    """Behind the distribution a client's address is hearsay, so nobody is locked out by it there."""
    rates = {
        name: [rule for rule in _web_acl(name)["rules"] if "rateBasedStatement" in rule["statement"]]
        for name in ("prod-cdn-waf", "prod-alb-waf")
    }
    assert rates["prod-cdn-waf"][0]["statement"]["rateBasedStatement"]["limit"] == 2000
    assert rates["prod-alb-waf"] == []
    assert (_web_acl("prod-cdn-waf")["scope"], _web_acl("prod-cdn-waf")["region"]) == ("CLOUDFRONT", "us-east-1")


def test_distributions_logs_hold_no_cookies() -> None:
    """The distribution's access logs are delivered from us-east-1 to the log bucket, without cookies."""
    delivery = production().inputs("cloudwatch/logDelivery:LogDelivery")
    assert delivery["region"] == "us-east-1"
    assert "cs(Cookie)" not in delivery["recordFields"]
