"""`certificate_expiry` on a deployed local AWS: certificates that end, are not proven or not renewed are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from prod_infra.errors import InvalidInputError
from runbooks.catalog import find_runbook
from runbooks.certificate_expiry import CertificateExpiry
from runbooks.core.environment import environment
from runbooks.parameters import CertificateExpiryParameters
from runbooks.records.record import Record, Verdict
from tests.runbooks.rehearsed import Rehearsed


@pytest.fixture(scope="module")
def env(rehearsed: Rehearsed) -> Rehearsed:
    """The environment that modules share: each test leaves it as it was."""
    return rehearsed


def _failed(record: Record) -> dict[str, str]:
    """Return the details of what failed, by the check's name."""
    return {check["name"]: check["detail"] for check in record.results["verification"]["checks"] if not check["passed"]}


def _look(env: Rehearsed, **given: Any) -> tuple[dict[str, str], list[str]]:
    """Run the checks in this process; return the details of those that failed, and the warnings."""
    run = CertificateExpiry(
        CertificateExpiryParameters(**given), env.target, environment(Path(), "prod", {}), env.directory
    )
    failed = {check.name: check.detail for check in run.checks() if not check.passed}
    return failed, run._warnings


def _own_certificate(days: int) -> dict[str, bytes]:
    """Return a self-signed certificate for the environment's names that ends in so many days, as ACM imports it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("example.com"), x509.DNSName("*.example.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return {
        "Certificate": made.public_bytes(serialization.Encoding.PEM),
        "PrivateKey": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }


@pytest.mark.parametrize("dry_run", [False, True])
def test_every_certificate_of_a_fresh_environment_is_well(env: Rehearsed, *, dry_run: bool) -> None:
    """Certificates of both regions, the one served, the database's and the secrets are told, and nothing fails."""
    locks = env.locks()
    record = env.run("certificate_expiry", dry_run=dry_run)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    found = record.results["certificates"]
    assert {one["region"] for one in found["certificates"]} == {"us-east-1", "eu-central-1"}
    for one in found["certificates"]:
        assert (one["status"], one["renewal_eligibility"]) == ("ISSUED", "ELIGIBLE")
        assert one["days_left"] > 300
        assert one["names"] == ["*.example.com", "example.com"]
    assert sum(len(one["used_by"]) for one in found["certificates"]) == 3, "the distribution and two listeners"
    assert found["served"]["compared"] == ["trust", "host", "names"], "a rehearsal's data plane has its own"
    assert {one["name"] for one in found["secrets"]} == {one["Name"] for one in env.deployed.secrets}
    assert len(found["database"]) == 2
    assert found["warnings"] == []
    assert (record.plan, record.undo) == (None, [])
    assert env.locks() == locks


def test_certificate_that_ends_soon_fails(env: Rehearsed) -> None:
    """One with less than `fail_days` fails the run, with less than `warn_days` it is said; imported ones are, too."""
    acm, elbv2, listener = env.clients("acm"), env.clients("elbv2"), env.deployed.listeners[8443]
    arn = acm.import_certificate(**_own_certificate(10))["CertificateArn"]
    elbv2.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=[{"CertificateArn": arn}])
    record = env.run("certificate_expiry")
    assert record.verdict is Verdict.FAILED
    [(name, detail)] = _failed(record).items()
    assert name == "No certificate in use ends soon"
    assert "ends in 10 days" in detail
    found = record.results["certificates"]["certificates"]
    assert [one["days_left"] for one in found if one["type"] == "IMPORTED"] == [10]
    failed, warnings = _look(env, warn_days=11, fail_days=10)
    assert failed == {}
    assert [text for text in warnings if "ends in 10 days" in text]
    assert [text for text in warnings if "imported" in text]
    elbv2.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=listener["Certificates"])
    acm.delete_certificate(CertificateArn=arn)


def test_certificate_for_further_names_counts(env: Rehearsed) -> None:
    """A listener's certificates that clients choose by name are looked at like its default."""
    acm, elbv2, listener = env.clients("acm"), env.clients("elbv2"), env.deployed.listeners[443]
    arn = acm.import_certificate(**_own_certificate(5))["CertificateArn"]
    further = {"ListenerArn": listener["ListenerArn"], "Certificates": [{"CertificateArn": arn}]}
    elbv2.add_listener_certificates(**further)
    assert list(_look(env)[0]) == ["No certificate in use ends soon"]
    elbv2.remove_listener_certificates(**further)
    acm.delete_certificate(CertificateArn=arn)


def test_lost_validation_record_is_found(env: Rehearsed) -> None:
    """Without the record that proves the domain no renewal would succeed: it fails long before the end."""
    route53 = env.clients("route53")
    [zone] = [one for one in route53.list_hosted_zones()["HostedZones"] if one["Name"] == "example.com."]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    [proof] = [one for one in records if one["Type"] == "CNAME" and one["Name"].startswith("_")]

    def change(action: str, record: dict[str, Any]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch=batch)

    change("DELETE", proof)
    [(name, detail)] = _look(env)[0].items()
    assert name.startswith("The records that prove the domains")
    assert "is gone" in detail
    change("CREATE", {**proof, "ResourceRecords": [{"Value": "elsewhere.example.com."}]})
    [(_, detail)] = _look(env)[0].items()
    assert "is elsewhere.example.com, not" in detail
    change("UPSERT", proof)
    assert _look(env)[0] == {}


def test_impossible_limits_are_refused() -> None:
    """Nothing may fail before it was said; numbers may come as text."""
    with pytest.raises(InvalidInputError, match="no more than warn_days"):
        find_runbook("certificate_expiry").validate({"warn_days": "10", "fail_days": "20"})
    checked = find_runbook("certificate_expiry").validate({"warn_days": "20", "fail_days": "10"})
    assert isinstance(checked, CertificateExpiryParameters)
    assert (checked.warn_days, checked.fail_days) == (20, 10)
