"""Certificates, proven by DNS and waited for."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"
ZONE = "aws:route53/getZone:getZone"


def zone_id(clients: Clients) -> str:
    """Return the ID of the hosted zone of example.com."""
    return str(clients("route53").list_hosted_zones()["HostedZones"][0]["Id"]).rsplit("/", 1)[-1]


def prove(clients: Clients, certificate: Resource) -> list[str]:
    """Create the validation records of a certificate; return their names."""
    names = []
    for index, option in enumerate(certificate.state["domainValidationOptions"]):
        inputs = {
            "zoneId": zone_id(clients),
            "name": option["resourceRecordName"],
            "type": option["resourceRecordType"],
            "records": [option["resourceRecordValue"]],
            "ttl": 60,
            "allowOverwrite": True,
        }
        names.append(made(clients, RECORD, inputs, f"proof-{index}").state["fqdn"])
    return names


def test_certificate(clients: Clients) -> None:
    """A certificate lives; tags change in place; each domain has its validation record."""
    inputs = {
        "domainName": "example.com",
        "subjectAlternativeNames": ["www.example.com"],
        "validationMethod": "DNS",
        "tags": {"Name": "a"},
    }
    state = run_lifecycle(clients, CERTIFICATE, inputs, inputs | {"tags": {"Name": "b"}})
    options = state["domainValidationOptions"]
    assert [option["domainName"] for option in options] == ["example.com", "www.example.com"]
    assert all(option["resourceRecordType"] == "CNAME" for option in options)
    assert state["arn"].startswith("arn:aws:acm:eu-central-1:")


def test_certificate_in_another_region(clients: Clients) -> None:
    """The property `region` puts a certificate where CloudFront wants it, and a change of it replaces."""
    inputs = {"domainName": "example.com", "validationMethod": "DNS"}
    state = run_lifecycle(clients, CERTIFICATE, inputs | {"region": "us-east-1"})
    assert state["arn"].startswith("arn:aws:acm:us-east-1:")
    assert state["region"] == "us-east-1"
    certificate = made(clients, CERTIFICATE, inputs | {"region": "us-east-1"})
    certificate.check(inputs)
    assert certificate.diff().replaces == ["region"], "without it, the provider's region is wanted"


def test_validation_waits_for_the_issue(clients: Clients) -> None:
    """A validation ends once the records exist, and the certificate is issued then."""
    certificate = made(clients, CERTIFICATE, {"domainName": "example.com", "validationMethod": "DNS"})
    names = prove(clients, certificate)
    run_lifecycle(
        clients, VALIDATION, {"certificateArn": certificate.id, "validationRecordFqdns": names}, vanishes=False
    )
    issued = clients("acm").describe_certificate(CertificateArn=certificate.id)["Certificate"]
    assert issued["Status"] == "ISSUED"
    assert certificate.read() == certificate.state, "the issue is no drift of the certificate"
