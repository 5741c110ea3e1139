"""ACM: moto issues a certificate after a wait, whatever DNS says, and lists names and records in no order.

Here a certificate is issued once the records that prove its domains exist in Route 53, and one that a listener or
distribution uses can't be deleted, as https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html and
https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.acm import models
from moto.cloudfront.models import cloudfront_backends
from moto.core.exceptions import JsonRESTError
from moto.elbv2.models import elbv2_backends
from moto.route53.models import route53_backends

from prod_infra.local_aws.patches import around

# What a certificate has only once it is issued.
ISSUED_ONLY = ("IssuedAt", "NotBefore", "NotAfter", "Serial")


def _account_and_region(arn: str) -> tuple[str, str]:
    _, _, _, region, account, _ = arn.split(":", 5)
    return account, region


def _dns_has(account: str, record: dict[str, str]) -> bool:
    return any(
        entry.type == "CNAME"
        and entry.name.rstrip(".").lower() == record["Name"].rstrip(".").lower()
        and any(value.rstrip(".") == record["Value"].rstrip(".") for value in entry.records)
        for zone in route53_backends[account]["aws"].zones.values()
        for entry in zone.rrsets
    )


def _users(arn: str) -> Iterator[str]:
    """Yield the ARN of each load balancer and distribution that serves with the certificate."""
    account, region = _account_and_region(arn)
    for balancer in elbv2_backends[account][region].load_balancers.values():
        if any(arn in listener.certificates for listener in balancer.listeners.values()):
            yield balancer.arn
    for distribution in cloudfront_backends[account]["aws"].distributions.values():
        if distribution.distribution_config.ViewerCertificate.get("ACMCertificateArn") == arn:
            yield distribution.arn


def _request(
    original: Callable[..., str], backend: Any, domain_name: str, token: str | None, names: list[str] | None, *rest: Any
) -> str:
    arn = original(backend, domain_name, token, names, *rest)
    # moto shuffles the names; AWS lists the domain first, then the others as asked.
    backend._certificates[arn].sans = list(dict.fromkeys([domain_name, *(names or [])]))
    return arn


def _check(original: Callable[..., None], bundle: Any) -> None:
    if bundle.type != "AMAZON_ISSUED" or bundle.status != "PENDING_VALIDATION":
        original(bundle)
        return
    account, _ = _account_and_region(bundle.arn)
    options = bundle.describe()["Certificate"]["DomainValidationOptions"]
    if all(_dns_has(account, option["ResourceRecord"]) for option in options):
        bundle.status = "ISSUED"


def _describe(original: Callable[..., dict[str, Any]], bundle: Any) -> dict[str, Any]:
    answer = original(bundle)
    certificate = answer["Certificate"]
    options = certificate.get("DomainValidationOptions", [])
    options.sort(key=lambda option: bundle.sans.index(option["DomainName"]))
    certificate["InUseBy"] = list(_users(bundle.arn))
    if bundle.status == "PENDING_VALIDATION":
        for name in ISSUED_ONLY:
            del certificate[name]
    elif bundle.type == "AMAZON_ISSUED":
        certificate["RenewalEligibility"] = "ELIGIBLE" if certificate["InUseBy"] else "INELIGIBLE"
    return answer


def _delete(original: Callable[..., None], backend: Any, arn: str) -> None:
    if any(_users(arn)):
        raise JsonRESTError("ResourceInUseException", f"Certificate {arn} is in use.")
    original(backend, arn)


def register() -> None:
    """Make DNS validation real, and names and records ordered."""
    around(models.AWSCertificateManagerBackend, "request_certificate")(_request)
    around(models.AWSCertificateManagerBackend, "delete_certificate")(_delete)
    around(models.CertBundle, "check")(_check)
    around(models.CertBundle, "describe")(_describe)
