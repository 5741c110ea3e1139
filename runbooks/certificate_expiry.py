"""Runbook `certificate_expiry`: how long certificates hold, and whether they will be renewed. It only reads."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from prod_infra.errors import TargetError
from runbooks.core.results import publish
from runbooks.core.run import Run
from runbooks.core.step import UndoAction
from runbooks.parameters import CertificateExpiryParameters
from runbooks.verify import Check, Deployed
from runbooks.verify.check import Findings, run_check

HTTPS_PORT: Final = 443
TLS_PROTOCOLS: Final = {"HTTPS", "TLS"}


class CertificateExpiry(Run[CertificateExpiryParameters]):
    """One run of the runbook. It has no steps and takes no lock; safe to run every day.

    What ends in fewer days than `fail_days`, or will not be renewed, fails; what ends in fewer than `warn_days` is
    said.
    """

    name, model = "certificate_expiry", CertificateExpiryParameters

    @cached_property
    def _env(self) -> Deployed:
        return self.deployed()

    @cached_property
    def _now(self) -> datetime:
        return datetime.now(UTC)

    @cached_property
    def _warnings(self) -> list[str]:
        return []

    @cached_property
    def _found(self) -> dict[str, Any]:
        """What becomes the section `certificates` of the record."""
        return {"certificates": [], "served": {}, "secrets": [], "database": []}

    @cached_property
    def _certificates(self) -> list[dict[str, Any]]:
        """ACM's `CertificateDetail` of each certificate in use, and as `UsedBy` who uses it by what AWS says."""
        users: dict[str, list[str]] = {}
        distribution = self._env.distribution
        if arn := distribution["DistributionConfig"]["ViewerCertificate"].get("ACMCertificateArn"):
            users[arn] = [distribution["ARN"]]
        for listener in self._env.listeners.values():
            if listener["Protocol"] in TLS_PROTOCOLS:
                # The default one, and those chosen by the name that a client asks for.
                of_listener = {"ListenerArn": listener["ListenerArn"]}
                for item in self._env.pages("elbv2", "describe_listener_certificates", "Certificates", **of_listener):
                    users.setdefault(item["CertificateArn"], []).append(listener["ListenerArn"])
        return [
            {
                **self.aws("acm", arn.split(":")[3]).describe_certificate(CertificateArn=arn)["Certificate"],
                "UsedBy": list(dict.fromkeys(used_by)),
            }
            for arn, used_by in users.items()
        ]

    def checks(self) -> Iterator[Check]:
        """Look at every certificate that the environment uses, at the one served, at secrets and at the database."""
        yield run_check("edge", self.issued, self._env)
        yield run_check("edge", self.not_ending, self._env)
        yield run_check("edge", self.renewed, self._env)
        yield run_check("edge", self.proven, self._env)
        yield run_check("edge", self.served, self._env)
        yield run_check("data", self.database, self._env)
        yield run_check("data", self.secrets, self._env)
        for warning in self._warnings:
            self.say(f"! {warning}", "yellow")
        limits = {"warn_days": self.parameters.warn_days, "fail_days": self.parameters.fail_days}
        publish("certificates", {**limits, **self._found, "warnings": self._warnings})

    def issued(self, _: Deployed, see: Findings) -> None:
        """Every certificate in use is issued, and ACM knows who uses it."""
        see.require(self._certificates, "no certificate is in use")
        for each in self._certificates:
            see.equal(_label(each), each["Status"], "ISSUED")
            see.require(each.get("InUseBy"), f"{_label(each)}: ACM knows nothing that uses it")
            self._found["certificates"].append(
                {
                    "arn": each["CertificateArn"],
                    "region": each["CertificateArn"].split(":")[3],
                    "names": _names(each),
                    "type": each["Type"],
                    "status": each["Status"],
                    "not_after": each["NotAfter"].isoformat() if "NotAfter" in each else None,
                    "days_left": self._days(each["NotAfter"]) if "NotAfter" in each else None,
                    "renewal_eligibility": each.get("RenewalEligibility", ""),
                    "renewal_status": each.get("RenewalSummary", {}).get("RenewalStatus", ""),
                    "used_by": each["UsedBy"],
                }
            )

    def not_ending(self, _: Deployed, see: Findings) -> None:
        """No certificate in use ends soon."""
        for each in self._certificates:
            self._hold(_label(each), each["NotAfter"], see)

    def renewed(self, _: Deployed, see: Findings) -> None:
        """ACM renews every certificate in use by itself."""
        for each in self._certificates:
            if each["Type"] == "IMPORTED":
                self._warnings.append(f"{_label(each)} is imported: nobody renews it by itself")
                continue
            see.equal(f"{_label(each)} renewal", each.get("RenewalEligibility"), "ELIGIBLE")
            # There is none before the first renewal, which ACM begins 60 days before the end:
            # https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html
            summary = each.get("RenewalSummary", {})
            status = summary.get("RenewalStatus", "")
            said = f"{_label(each)} renewal is {status} {summary.get('RenewalStatusReason', '')}".strip()
            see.require(status not in {"FAILED", "PENDING_VALIDATION"}, said)

    def proven(self, env: Deployed, see: Findings) -> None:
        """The records that prove the domains, and without which no renewal succeeds, are in Route 53."""
        zones = [zone for zone in env.pages("route53", "list_hosted_zones", "HostedZones") if _is_public(zone)]
        records = {
            (proof["ResourceRecord"]["Name"], proof["ResourceRecord"]["Type"], proof["ResourceRecord"]["Value"])
            for each in self._certificates
            for proof in each.get("DomainValidationOptions", ())
            if "ResourceRecord" in proof
        }
        for name, kind, value in sorted(records):
            inside = [zone for zone in zones if f".{name.rstrip('.')}.".endswith(f".{zone['Name']}")]
            if not inside:
                self._warnings.append(f"{name} can't be looked up: its zone is not in this account")
                continue
            # Of nested zones the longest name answers.
            best = max(len(zone["Name"]) for zone in inside)
            values = {
                found["Value"].rstrip(".")
                for zone in inside
                if len(zone["Name"]) == best
                for found in self._records(zone["Id"], name, kind)
            }
            see.require(value.rstrip(".") in values, f"{kind} {name} is {', '.join(values) or 'gone'}, not {value}")
            see.saw(f"{kind} {name}")

    def _records(self, zone: str, name: str, kind: str) -> list[dict[str, str]]:
        found = self.aws("route53").list_resource_record_sets(
            HostedZoneId=zone, StartRecordName=name, StartRecordType=kind, MaxItems="1"
        )["ResourceRecordSets"]
        same = [each for each in found if each["Name"].rstrip(".") == name.rstrip(".") and each["Type"] == kind]
        return [record for each in same for record in each.get("ResourceRecords", ())]

    def served(self, env: Deployed, see: Findings) -> None:
        """The front door serves the distribution's certificate, and clients trust it."""
        try:
            door = self.front_door()
            url = urlsplit(door.base_url)
            asked, place = door.host or url.hostname, (url.hostname or "", url.port or HTTPS_PORT)
            context = ssl.create_default_context(cafile=str(door.ca_file) if door.ca_file else None)
            with (
                socket.create_connection(place, timeout=10) as connection,
                context.wrap_socket(connection, server_hostname=asked) as tls,
            ):
                peer: Mapping[str, Any] = tls.getpeercert() or {}
        except (OSError, TargetError) as error:
            see.require(holds=False, fault=f"the front door's certificate can't be had: {error}")
            return
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)
        names = [name for kind, name in peer.get("subjectAltName", ()) if kind == "DNS"]
        self._found["served"] = {
            "asked_for": asked,
            "names": names,
            "serial": peer["serialNumber"],
            "not_after": end.isoformat(),
            "days_left": self._days(end),
            # The stand-in of a rehearsal can't have ACM's private keys, so it signs for ACM's names by itself.
            "compared": ["trust", "host", "names"] if door.ca_file else ["trust", "host", "names", "serial", "end"],
        }
        arn = env.distribution["DistributionConfig"]["ViewerCertificate"].get("ACMCertificateArn")
        wanted = next(each for each in self._certificates if each["CertificateArn"] == arn)
        see.equal(f"names served for {asked}", set(names), set(_names(wanted)))
        if door.ca_file:
            self.say("the data plane serves a certificate of its own: trust, host and names are compared, not the rest")
            return
        self._hold(f"the certificate served for {asked}", end, see)
        if int(peer["serialNumber"], 16) != int(wanted["Serial"].replace(":", ""), 16):
            self._warnings.append(f"{asked} serves serial {peer['serialNumber']}, and ACM has {wanted['Serial']}")

    def database(self, env: Deployed, see: Findings) -> None:
        """The database's certificates and their authority do not end soon."""
        for instance in env.database_instances:
            name, authority = instance["DBInstanceIdentifier"], instance["CACertificateIdentifier"]
            known = self.aws("docdb").describe_certificates(CertificateIdentifier=authority)["Certificates"]
            ends = {f"{name}'s authority {authority}": known[0]["ValidTill"]}
            if own := instance.get("CertificateDetails", {}).get("ValidTill"):
                ends[f"{name}'s certificate"] = own
            for what, end in ends.items():
                self._hold(what, end, see)
                self._found["database"].append(
                    {"what": what, "not_after": end.isoformat(), "days_left": self._days(end)}
                )

    def secrets(self, env: Deployed, see: Findings) -> None:
        """Every secret has a current version; how old it is, is said."""
        for secret in env.secrets:
            name = secret["Name"]
            # Those that a stage names come at once: there are 20 stages at most.
            answer = self.aws("secretsmanager").list_secret_version_ids(SecretId=secret["ARN"], MaxResults=100)
            current = [each for each in answer["Versions"] if "AWSCURRENT" in each.get("VersionStages", ())]
            see.require(current, f"{name} has no current version")
            for version in current:
                age = -self._days(version["CreatedDate"])
                see.saw(f"{name} {age} days")
                self._found["secrets"].append({"name": name, "days_old": age})
                if age > self.parameters.secret_warn_days:
                    self._warnings.append(f"{name} has not been rotated for {age} days")

    def _days(self, end: datetime) -> int:
        """Return whole days from now, less than 0 once it is over."""
        return (end - self._now).days

    def _hold(self, what: str, end: datetime, see: Findings) -> None:
        left = self._days(end)
        said = f"{what} ends in {left} days, on {end:%Y-%m-%d}"
        see.require(left >= self.parameters.fail_days, said)
        see.saw(said)
        if self.parameters.fail_days <= left < self.parameters.warn_days:
            self._warnings.append(said)


def _label(certificate: Mapping[str, Any]) -> str:
    return f"{certificate['DomainName']} in {certificate['CertificateArn'].split(':')[3]}"


def _names(certificate: Mapping[str, Any]) -> list[str]:
    return sorted({certificate["DomainName"], *certificate.get("SubjectAlternativeNames", ())})


def _is_public(zone: Mapping[str, Any]) -> bool:
    return not zone.get("Config", {}).get("PrivateZone")


start = CertificateExpiry.start

UNDO: Final[Mapping[str, UndoAction]] = {}
