"""What an account must have before the first change, read and never changed; every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from prod_infra.deployment.account.permission_check import permissions
from prod_infra.deployment.account.precondition import Precondition, Question
from prod_infra.deployment.account.quotas import QUOTAS, quota_check
from prod_infra.errors import InvalidInputError
from prod_infra.settings import SAMPLE_APP_IMAGE


def hosted_zone(question: Question) -> Precondition:
    """The domain's zone must be there, and public: ACM and customers look names up in it."""
    wanted = question.settings.hosted_zone_name or question.settings.domain_name
    found = question.clients("route53").list_hosted_zones_by_name(DNSName=wanted)["HostedZones"]
    same = [zone for zone in found if zone["Name"].rstrip(".") == wanted]
    public = [zone for zone in same if not zone["Config"].get("PrivateZone")]
    detail = f"public zone {wanted}" if public else f"{wanted} is a private zone" if same else f"no zone {wanted}"
    return Precondition(
        name="hosted zone",
        holds=len(public) == 1,
        detail=f"{len(public)} public zones {wanted}" if len(public) > 1 else detail,
        fix=f"make exactly one public hosted zone {wanted} in this account and delegate the domain to its name servers",
    )


def zones(question: Question) -> Precondition:
    """The region must have the availability zones that the settings ask for."""
    filters = [{"Name": "state", "Values": ["available"]}, {"Name": "zone-type", "Values": ["availability-zone"]}]
    answer = question.clients("ec2").describe_availability_zones(Filters=filters)
    names = {zone["ZoneName"] for zone in answer["AvailabilityZones"]}
    settings = question.settings
    lacking = sorted(set(settings.availability_zones) - names)
    return Precondition(
        name="availability zones",
        holds=not lacking and len(names) >= settings.availability_zone_count,
        detail=f"{', '.join(lacking)} not available" if lacking else f"{len(names)} available in {question.region}",
        fix=f"availability_zone_count is {settings.availability_zone_count}: set it, or availability_zones, to fit",
    )


def secret(question: Question) -> Precondition:
    """The secret's name must be free, or the stack's own."""
    name, token = question.settings.master_password_secret_name, "aws:secretsmanager/secret:Secret"
    try:
        found = question.clients("secretsmanager").describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Precondition(name="secret's name", holds=True, detail=f"{name} is free")
    if found.get("DeletedDate"):
        return Precondition(
            name="secret's name",
            holds=False,
            detail=f"{name} is being deleted, which keeps its name for up to 30 days",
            fix=f"`aws secretsmanager restore-secret --secret-id {name}` and import it, or wait, or take another name "
            "(master_password_secret_name)",
        )
    ours = not question.creates(token)
    return Precondition(
        name="secret's name",
        holds=ours,
        detail=f"{name} is the stack's own" if ours else f"{name} exists and is not in the stack's state",
        fix="import it (`pulumi import`), or take another name (master_password_secret_name)",
    )


def image(question: Question) -> Precondition:
    """There must be an image: tasks that can't pull one would be waited for in vain, an hour after the start."""
    wanted = question.settings.app_image
    given = wanted != SAMPLE_APP_IMAGE
    return Precondition(
        name="image",
        holds=given,
        detail=wanted if given else "no app_image is given",
        fix="push one to a repository that this account can read, and give it as app_image, `repository@sha256:…`",
    )


CHECKS: Final[Sequence[tuple[str, Callable[[Question], Precondition]]]] = (
    ("hosted zone", hosted_zone),
    ("availability zones", zones),
    ("secret's name", secret),
    ("image", image),
    *((f"quota: {quota.what}", quota_check(quota)) for quota in QUOTAS),
    ("permissions", permissions),
)


def read(question: Question) -> tuple[Precondition, ...]:
    """Make every check; one that AWS does not answer does not keep the others from being made."""
    found = []
    for name, check in CHECKS:
        try:
            found.append(check(question))
        except ClientError as error:
            said = error.response["Error"]
            detail = f"can't be checked: {said['Code']}: {said['Message']}"
            found.append(Precondition(name=name, holds=None, detail=detail))
        except BotoCoreError as error:
            found.append(Precondition(name=name, holds=None, detail=f"can't be checked: {error}"))
    return tuple(found)


def require(found: Sequence[Precondition]) -> None:
    """Refuse an account in which the deploy would stop part way.

    Raises:
        InvalidInputError: every precondition that does not hold, each with its fix; nothing has happened.
    """
    faults = [f"{one.name}: {one.detail}; {one.fix}." for one in found if one.holds is False]
    if faults:
        raise InvalidInputError(
            "The account is not ready", faults, hint="nothing has happened; mend these and plan again"
        )
