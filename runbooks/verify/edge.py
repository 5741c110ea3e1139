"""Checks of the edge: buckets, certificates, distribution, names."""

from __future__ import annotations

import json
from typing import Any, Final

from runbooks.verify.check import CheckFunction, Findings
from runbooks.verify.deployed import GLOBAL_REGION, Deployed, only

CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's managed cache policy `CachingDisabled` (CloudFront guide, "Use managed cache policies")."""


def buckets_are_private(env: Deployed, see: Findings) -> None:
    """The buckets block all public access, and access lists are off."""
    s3 = env.clients("s3")
    for bucket in env.buckets.values():
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        see.require(all(block.values()) and len(block) == 4, f"{bucket} blocks public access only in part")  # noqa: PLR2004
        rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        see.equal(f"{bucket} ownership", [rule["ObjectOwnership"] for rule in rules], ["BucketOwnerEnforced"])


def buckets_are_encrypted(env: Deployed, see: Findings) -> None:
    """The buckets are encrypted and versioned."""
    s3 = env.clients("s3")
    see.equal("number of buckets", len(set(env.buckets.values())), 2)
    for bucket in env.buckets.values():
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        ways = {rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules}
        see.require(ways and ways <= {"AES256", "aws:kms", "aws:kms:dsse"}, f"{bucket} is not encrypted")
        see.equal(f"{bucket} versioning", s3.get_bucket_versioning(Bucket=bucket).get("Status"), "Enabled")


def _statements(env: Deployed, bucket: str) -> list[dict[str, Any]]:
    document = json.loads(env.clients("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else list(statements)


def buckets_want_tls(env: Deployed, see: Findings) -> None:
    """The buckets refuse calls without TLS."""
    for bucket in env.buckets.values():
        refusing = [
            statement
            for statement in _statements(env, bucket)
            if statement["Effect"] == "Deny"
            and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false"
        ]
        see.require(refusing, f"{bucket} has no statement that refuses calls without TLS")
        see.saw(bucket)


def buckets_serve_the_distribution(env: Deployed, see: Findings) -> None:
    """The buckets can be read by this distribution alone."""
    for bucket in env.buckets.values():
        allowed = [statement for statement in _statements(env, bucket) if statement["Effect"] == "Allow"]
        see.require(allowed, f"{bucket} allows nobody to read it")
        for statement in allowed:
            see.equal(f"{bucket} reader", statement["Principal"], {"Service": "cloudfront.amazonaws.com"})
            conditions = list(statement.get("Condition", {}).values())
            sources = [value for keys in conditions for key, value in keys.items() if key.lower() == "aws:sourcearn"]
            sources = [item for value in sources for item in (value if isinstance(value, list) else [value])]
            see.equal(f"{bucket} source", sources, [env.distribution["ARN"]])


def _certificate(env: Deployed, arn: str, region: str, domain: str, see: Findings) -> None:
    see.equal(f"region of {domain}'s certificate", arn.split(":")[3], region)
    certificate = env.clients("acm", arn.split(":")[3]).describe_certificate(CertificateArn=arn)["Certificate"]
    see.equal(f"status in {region}", certificate["Status"], "ISSUED")
    names = {certificate["DomainName"], *certificate.get("SubjectAlternativeNames", ())}
    parent = "*." + domain.partition(".")[2]
    see.require({domain, parent} & names, f"the certificate in {region} does not cover {domain}")


def global_certificate(env: Deployed, see: Findings) -> None:
    """The distribution's certificate is issued, in us-east-1."""
    arn = env.distribution["DistributionConfig"]["ViewerCertificate"].get("ACMCertificateArn", "")
    see.require(arn, "the distribution has no certificate of its own")
    if arn:
        _certificate(env, arn, GLOBAL_REGION, env.settings.domain_name, see)


def regional_certificate(env: Deployed, see: Findings) -> None:
    """The load balancer's certificate is issued, in the environment's region."""
    listener = only([found for port, found in env.listeners.items() if port == 443], "listener on 443")  # noqa: PLR2004
    certificate = only(listener.get("Certificates", []), "certificate on the listener")
    origin = f"origin-alb.{env.settings.domain_name}"
    _certificate(env, certificate["CertificateArn"], env.settings.region, origin, see)


def _behaviours(env: Deployed) -> dict[str, dict[str, Any]]:
    config = env.distribution["DistributionConfig"]
    others = config.get("CacheBehaviors", {}).get("Items", ())
    return {"default": config["DefaultCacheBehavior"], **{found["PathPattern"]: found for found in others}}


def viewers_use_tls(env: Deployed, see: Findings) -> None:
    """Viewers are redirected to HTTPS and need TLS 1.2."""
    config = env.distribution["DistributionConfig"]
    see.require(config["Enabled"], "the distribution is disabled")
    see.equal("least protocol", config["ViewerCertificate"].get("MinimumProtocolVersion"), "TLSv1.2_2021")
    for path, behaviour in _behaviours(env).items():
        policy = behaviour["ViewerProtocolPolicy"]
        see.require(policy in {"redirect-to-https", "https-only"}, f"{path} answers viewers with {policy}")
    see.equal("default behaviour", _behaviours(env)["default"]["ViewerProtocolPolicy"], "redirect-to-https")


def origins_sign_for_s3(env: Deployed, see: Findings) -> None:
    """The distribution reads its buckets with origin access control."""
    cloudfront = env.clients("cloudfront")
    for origin in env.distribution["DistributionConfig"]["Origins"]["Items"]:
        if origin["Id"] not in env.buckets:
            continue
        control = origin.get("OriginAccessControlId", "")
        if not control:
            see.require(None, f"{origin['Id']} has no origin access control")
            continue
        config = cloudfront.get_origin_access_control(Id=control)["OriginAccessControl"]["OriginAccessControlConfig"]
        see.equal(f"{origin['Id']} signs", (config["SigningBehavior"], config["SigningProtocol"]), ("always", "sigv4"))


def api_is_uncached(env: Deployed, see: Findings) -> None:
    """`/api/*` goes to the load balancer uncached, over HTTPS alone, with the secret header."""
    behaviour = _behaviours(env).get("/api/*")
    if behaviour is None:
        see.require(None, "there is no behaviour for /api/*")
        return
    see.equal("cache policy", behaviour.get("CachePolicyId"), CACHING_DISABLED)
    origins = env.distribution["DistributionConfig"]["Origins"]["Items"]
    origin = only([found for found in origins if found["Id"] == behaviour["TargetOriginId"]], "origin of /api/*")
    see.equal("origin", origin["DomainName"], f"origin-alb.{env.settings.domain_name}")
    see.equal("protocol", origin.get("CustomOriginConfig", {}).get("OriginProtocolPolicy"), "https-only")
    see.require(origin.get("CustomHeaders", {}).get("Quantity"), "the origin gets no secret header")


def errors_stay_errors(env: Deployed, see: Findings) -> None:
    """An error of the API never becomes a 200 page."""
    responses = env.distribution["DistributionConfig"].get("CustomErrorResponses", {}).get("Items", ())
    turned = [item["ErrorCode"] for item in responses if str(item.get("ResponseCode", "")).startswith("2")]
    see.equal("errors turned into pages", turned, [])


def images_have_their_bucket(env: Deployed, see: Findings) -> None:
    """`/images/*` is served from the images' own bucket."""
    behaviours = _behaviours(env)
    images, site = (behaviours.get(path, {}).get("TargetOriginId") for path in ("/images/*", "default"))
    see.require(images in env.buckets and site in env.buckets, "site or images are not served from a bucket")
    see.require(images != site, "site and images share an origin")
    see.saw(f"site {site}, images {images}")


def alias_record(env: Deployed, see: Findings) -> None:
    """The domain's name leads to the distribution."""
    zone_name = (env.settings.hosted_zone_name or env.settings.domain_name) + "."
    zones = [zone for zone in env.pages("route53", "list_hosted_zones", "HostedZones") if zone["Name"] == zone_name]
    records = [
        record
        for zone in zones
        for record in env.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
    ]
    aliases = {
        record["AliasTarget"]["DNSName"].rstrip(".").lower()
        for record in records
        if record["Name"] == f"{env.settings.domain_name}." and "AliasTarget" in record and record["Type"] == "A"
    }
    see.equal("alias", aliases, {env.distribution["DomainName"].lower()})


CHECKS: tuple[CheckFunction, ...] = (
    buckets_are_private,
    buckets_are_encrypted,
    buckets_want_tls,
    buckets_serve_the_distribution,
    global_certificate,
    regional_certificate,
    viewers_use_tls,
    origins_sign_for_s3,
    api_is_uncached,
    errors_stay_errors,
    images_have_their_bucket,
    alias_record,
)
