"""ACM on the local AWS: DNS proves a domain, and a certificate in use stays."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import issued_certificate, load_balancer, network, refused


def certificate(clients: Clients, arn: str, region: str = "us-east-1") -> dict[str, Any]:
    """Return a certificate as describe does."""
    found: dict[str, Any] = clients("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
    return found


def test_a_certificate_waits_for_its_records(clients: Clients) -> None:
    """Without the validation record it stays pending; the names keep their order."""
    arn = clients("acm", "us-east-1").request_certificate(
        DomainName="example.com",
        SubjectAlternativeNames=["www.example.com", "*.example.com"],
        ValidationMethod="DNS",
    )["CertificateArn"]
    pending = certificate(clients, arn)
    assert pending["Status"] == "PENDING_VALIDATION"
    assert "IssuedAt" not in pending
    assert pending["SubjectAlternativeNames"] == ["example.com", "www.example.com", "*.example.com"]
    assert [option["DomainName"] for option in pending["DomainValidationOptions"]] == [
        "example.com",
        "www.example.com",
        "*.example.com",
    ]


def test_apex_and_wildcard_share_a_record(clients: Clients) -> None:
    """One record proves a domain and its wildcard, as AWS documents."""
    arn = issued_certificate(clients)
    first, second = (option["ResourceRecord"] for option in certificate(clients, arn)["DomainValidationOptions"])
    assert first == second


def test_a_certificate_is_issued_once_its_records_exist(clients: Clients) -> None:
    """With the record in Route 53 the next look finds it issued, and boto3's waiter ends."""
    arn = issued_certificate(clients)
    clients("acm", "us-east-1").get_waiter("certificate_validated").wait(CertificateArn=arn)
    assert certificate(clients, arn)["Status"] == "ISSUED"


def test_a_certificate_in_use_can_not_be_deleted(clients: Clients) -> None:
    """A listener holds on to its certificate until it is gone."""
    region = "eu-central-1"
    arn = issued_certificate(clients, region=region)
    balancer = load_balancer(clients, network(clients))
    listener = clients("elbv2").create_listener(
        LoadBalancerArn=balancer["balancer"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}],
    )["Listeners"][0]["ListenerArn"]
    assert certificate(clients, arn, region)["InUseBy"] == [balancer["balancer"]]
    acm = clients("acm", region)
    assert refused(acm.delete_certificate, CertificateArn=arn) == "ResourceInUseException"
    clients("elbv2").delete_listener(ListenerArn=listener)
    acm.delete_certificate(CertificateArn=arn)
    assert acm.list_certificates()["CertificateSummaryList"] == []
