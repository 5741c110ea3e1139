"""What the standards ask of resources like ours and no rule of the pack asks, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from policies.rule import CHECKOV, CIS_5, CIS_7, FSBP


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Something that no rule asks.

    Attributes:
        what: what the standard asks.
        reason: why the pack doesn't.
        controls: as a rule's.
    """

    what: str
    reason: str
    controls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NOT_COVERED: Final = (
    Gap(
        what="No HTTP listener at all, not even one that redirects",
        reason="ELB.1 asks for the redirect that ELB.18 forbids. listener-https and listener-rule-https let port 80 do"
        " nothing but redirect, and the security group rules admit nobody to it.",
        controls={FSBP: ("ELB.18",)},
    ),
    Gap(
        what="Secrets rotate by themselves",
        reason="Rotation needs a Lambda function with a way into the database; DocumentDB's first user is used to make"
        " others and rotated by the operator. secret-under-prod and secret-recovery-window watch what is there.",
        controls={FSBP: ("SecretsManager.1", "SecretsManager.4"), CHECKOV: ("CKV2_AWS_57", "CKV_AWS_304")},
    ),
    Gap(
        what="A certificate is replaced before the old one is deleted",
        reason="Pulumi always makes the new resource first unless told otherwise.",
        controls={CHECKOV: ("CKV_AWS_233",)},
    ),
    Gap(
        what="The VPC has an endpoint for the EC2 API",
        reason="Nothing in the environment calls the EC2 API from inside the VPC.",
        controls={FSBP: ("EC2.10",)},
    ),
    Gap(
        what="Task sets have no public address",
        reason="CodeDeploy makes the task sets from the service, and ecs-no-public-ip judges the service.",
        controls={FSBP: ("ECS.16",)},
    ),
    Gap(
        what="A certificate names no wildcard",
        reason="The site and its subdomains share one certificate; its key never leaves ACM.",
        controls={CHECKOV: ("CKV2_AWS_71",)},
    ),
    Gap(
        what="RDS instances stand in several zones",
        reason="The environment has no RDS; docdb-multi-az asks the same of DocumentDB.",
        controls={CIS_5: ("2.2.4",), CIS_7: ("3.2.4",)},
    ),
    Gap(
        what="CloudFront does not point at buckets that are not there",
        reason="Every origin of the environment is made by the same program; only a live scan can see a lost one.",
        controls={FSBP: ("CloudFront.12",)},
    ),
)
