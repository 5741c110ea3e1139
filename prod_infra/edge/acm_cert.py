"""Certificates: one in us-east-1 for CloudFront, one in the environment's region for the load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs

CLOUDFRONT_REGION: Final = "us-east-1"
"""CloudFront takes certificates from this region alone (CloudFront guide, "Requirements for using certificates")."""


@dataclass(frozen=True, kw_only=True)
class AcmCertArgs(ComponentArgs):
    """Arguments of `AcmCert`.

    Attributes:
        domain_name: the site's domain; its direct subdomains are covered too.
        zone_id: Route 53 hosted zone in which ACM looks for the proof.
    """

    domain_name: str
    zone_id: pulumi.Input[str]


class AcmCert(Component):
    """Two certificates for the domain and its subdomains, proven by DNS and waited for.

    ACM asks for the same record for a domain, its wildcard, and both again in any other region of the account (ACM
    guide, "DNS validation"), so one record proves everything; a second one would be refused as already there.

    Attributes:
        global_arn: ARN of the issued certificate in us-east-1.
        regional_arn: ARN of the issued certificate in the environment's region.
    """

    pulumi_type = "prod_infra:edge:AcmCert"

    global_arn: pulumi.Output[str]
    regional_arn: pulumi.Output[str]

    def __init__(self, name: str, args: AcmCertArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        global_certificate = self._certificate(f"{name}-global", args.domain_name, CLOUDFRONT_REGION)
        regional_certificate = self._certificate(f"{name}-regional", args.domain_name, None)
        proof = global_certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            opts=self._child(),
        )
        self.global_arn = self._validated(f"{name}-global", global_certificate, record, CLOUDFRONT_REGION)
        self.regional_arn = self._validated(f"{name}-regional", regional_certificate, record, None)
        self.register_outputs({"globalArn": self.global_arn, "regionalArn": self.regional_arn})

    def _certificate(self, name: str, domain_name: str, region: str | None) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            name,
            domain_name=domain_name,
            subject_alternative_names=[f"*.{domain_name}"],
            validation_method="DNS",
            region=region,
            tags=self._tags(name),
            opts=self._child(),
        )

    def _validated(
        self, name: str, certificate: aws.acm.Certificate, record: aws.route53.Record, region: str | None
    ) -> pulumi.Output[str]:
        return aws.acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            region=region,
            opts=self._child(),
        ).certificate_arn
