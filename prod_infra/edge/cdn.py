"""The CloudFront distribution: the site, its images and its API under one domain."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.edge.behaviors import API, EVERY_METHOD, IMAGES, READ_AND_ASK, SITE, alb_origin, behavior
from prod_infra.edge.bucket_policy import bucket_policy
from prod_infra.edge.cdn_logs import CdnLogs, CdnLogsArgs
from prod_infra.edge.private_bucket import PrivateBucket


@dataclass(frozen=True, kw_only=True)
class CdnArgs(ComponentArgs):
    """Arguments of `Cdn`.

    Attributes:
        domain_name: the site's domain.
        zone_id: Route 53 hosted zone for the records.
        certificate_arn: issued certificate in us-east-1 that covers the domain.
        site: bucket of the site.
        images: bucket of the images, reached under `/images/`.
        alb_dns_name: DNS name of the load balancer behind `/api/`.
        alb_zone_id: hosted zone of that name.
        origin_header_name: header by which the load balancer knows this distribution.
        origin_header_value: its secret value.
        web_acl_arn: web ACL in us-east-1 with the scope CLOUDFRONT.
        log_bucket_arn: bucket that gets the access logs.
    """

    domain_name: str
    zone_id: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    site: PrivateBucket
    images: PrivateBucket
    alb_dns_name: pulumi.Input[str]
    alb_zone_id: pulumi.Input[str]
    origin_header_name: str
    origin_header_value: pulumi.Input[str]
    web_acl_arn: pulumi.Input[str]
    log_bucket_arn: pulumi.Input[str]


class Cdn(Component):
    """A distribution that serves the site, its images, and the API, uncached, from the load balancer.

    CloudFront signs its requests to the buckets (OAC), whose policies admit this distribution alone and nobody without
    TLS. It can't sign for a load balancer, so it reaches that as `origin-alb.<domain>`, a name which its certificate
    covers, over HTTPS only, with a secret header that the listener checks. Pages of the single-page application get
    `index.html` by a function before the cache, not by error pages: those would turn an API's 404 into a 200.

    Attributes:
        distribution_id: the distribution's ID.
        distribution_arn: the distribution's ARN.
        distribution_domain_name: the distribution's own name, `….cloudfront.net`.
    """

    pulumi_type = "prod_infra:edge:Cdn"

    distribution_id: pulumi.Output[str]
    distribution_arn: pulumi.Output[str]
    distribution_domain_name: pulumi.Output[str]

    def __init__(self, name: str, args: CdnArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        origin_name = f"origin-alb.{args.domain_name}"
        balancer = aws.route53.RecordAliasArgs(
            name=args.alb_dns_name, zone_id=args.alb_zone_id, evaluate_target_health=False
        )
        origin_record = self._alias(f"{name}-origin-alb", args.zone_id, origin_name, "A", balancer)
        fallback = aws.cloudfront.Function(
            f"{name}-spa-fallback",
            runtime="cloudfront-js-2.0",
            code=files("prod_infra.edge").joinpath("spa_fallback.js").read_text(encoding="utf-8"),
            publish=True,
            tags=self._tags(),
            opts=self._child(),
        )
        distribution = aws.cloudfront.Distribution(
            name,
            enabled=True,
            comment=f"{args.domain_name} ({args.environment})",
            aliases=[args.domain_name],
            default_root_object="index.html",
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class="PriceClass_100",
            web_acl_id=args.web_acl_arn,
            origins=[
                self._bucket_origin(f"{name}-{SITE}", SITE, args.site),
                self._bucket_origin(f"{name}-{IMAGES}", IMAGES, args.images),
                alb_origin(origin_record.fqdn, args.origin_header_name, args.origin_header_value),
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                **behavior(SITE, READ_AND_ASK),
                function_associations=[
                    aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
                        event_type="viewer-request", function_arn=fallback.arn
                    )
                ],
            ),
            ordered_cache_behaviors=[
                aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                    path_pattern="/api/*", **behavior(API, EVERY_METHOD, cached=False)
                ),
                aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                    path_pattern="/images/*", **behavior(IMAGES, READ_AND_ASK)
                ),
            ],
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=args.certificate_arn,
                minimum_protocol_version="TLSv1.2_2021",
                ssl_support_method="sni-only",
            ),
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            tags=self._tags(name),
            opts=self._child(),
        )
        for part, bucket in ((SITE, args.site), (IMAGES, args.images)):
            aws.s3.BucketPolicy(
                f"{name}-{part}",
                bucket=bucket.bucket,
                policy=bucket_policy(bucket.arn, distribution.arn),
                opts=self._child(),
            )
        CdnLogs(
            name,
            CdnLogsArgs(
                environment=args.environment, distribution_arn=distribution.arn, log_bucket_arn=args.log_bucket_arn
            ),
            self._child(),
        )
        front = aws.route53.RecordAliasArgs(
            name=distribution.domain_name, zone_id=distribution.hosted_zone_id, evaluate_target_health=False
        )
        for kind in ("A", "AAAA"):
            self._alias(f"{name}-{kind.lower()}", args.zone_id, args.domain_name, kind, front)
        self.distribution_id = distribution.id
        self.distribution_arn = distribution.arn
        self.distribution_domain_name = distribution.domain_name
        self.register_outputs({"distributionId": self.distribution_id, "domainName": self.distribution_domain_name})

    def _alias(
        self, name: str, zone_id: pulumi.Input[str], record: str, kind: str, target: aws.route53.RecordAliasArgs
    ) -> aws.route53.Record:
        return aws.route53.Record(name, zone_id=zone_id, name=record, type=kind, aliases=[target], opts=self._child())

    def _bucket_origin(self, name: str, origin_id: str, bucket: PrivateBucket) -> aws.cloudfront.DistributionOriginArgs:
        access = aws.cloudfront.OriginAccessControl(
            name,
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child(),
        )
        return aws.cloudfront.DistributionOriginArgs(
            origin_id=origin_id, domain_name=bucket.regional_domain_name, origin_access_control_id=access.id
        )
