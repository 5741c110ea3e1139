"""Certificates that ACM issues once DNS proves the domain."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
    wait_until,
)
from prod_infra.properties import Props

_GONE: Final = "ResourceNotFoundException"


def _names(inputs: Props) -> list[Any]:
    return sorted({inputs["domainName"], *(inputs.get("subjectAlternativeNames") or ())}, key=str)


class Certificate(Handler):
    """A public certificate. It is not waited for here: `CertificateValidation` does that, once its records exist."""

    token = "aws:acm/certificate:Certificate"
    inputs = frozenset({"domainName", "keyAlgorithm", "options", "subjectAlternativeNames", "tags", "validationMethod"})
    nested_inputs = {"options": frozenset({"certificateTransparencyLoggingPreference"})}
    replace_on = frozenset({"domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"})
    set_inputs = frozenset({"subjectAlternativeNames"})
    outputs = frozenset(
        {
            "arn",
            "domainValidationOptions",
            "keyAlgorithm",
            "options",
            "subjectAlternativeNames",
            "tagsAll",
            "type",
            "validationMethod",
        }
    )

    def faults(self, inputs: Props) -> dict[str, str]:
        """Only DNS can prove a domain without a person reading mail."""
        if inputs.get("validationMethod") == "EMAIL":
            return {"validationMethod": "validation by mail needs a person: use DNS"}
        return {}

    @classmethod
    def as_read(cls, inputs: Props) -> Props:
        """ACM lists the domain among the alternative names."""
        names = inputs.get("subjectAlternativeNames")
        return {**inputs, "subjectAlternativeNames": _names(inputs)} if isinstance(names, list) else inputs

    def create(self, inputs: Props) -> str:
        """Request the certificate and wait until ACM says which records would prove its domains."""
        acm = self.clients("acm")
        options = inputs.get("options") or {}
        answer = acm.request_certificate(
            **compact(
                {
                    "DomainName": inputs["domainName"],
                    "ValidationMethod": inputs.get("validationMethod"),
                    "SubjectAlternativeNames": inputs.get("subjectAlternativeNames") or None,
                    "KeyAlgorithm": inputs.get("keyAlgorithm"),
                    "Options": {
                        "CertificateTransparencyLoggingPreference": options["certificateTransparencyLoggingPreference"]
                    }
                    if options
                    else None,
                }
            ),
            **({"Tags": tag_list(inputs["tags"])} if inputs.get("tags") else {}),
        )
        arn = self.made(answer["CertificateArn"])

        def has_records() -> bool:
            proofs = (self._described(arn) or {}).get("DomainValidationOptions", [])
            return bool(proofs) and all("ResourceRecord" in proof for proof in proofs)

        wait_until(f"the validation records of {inputs['domainName']!r} are known", has_records)
        return arn

    def _described(self, arn: str) -> dict[str, Any] | None:
        said = found(lambda: self.clients("acm").describe_certificate(CertificateArn=arn), _GONE)
        return dict(said["Certificate"]) if said else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the certificate.

        What changes by itself (`status`, `notAfter`, renewal) is left out: it would look like drift.
        """
        del state
        certificate = self._described(resource_id)
        if certificate is None:
            return None
        said = self.clients("acm").list_tags_for_certificate(CertificateArn=resource_id)
        names = _names(
            {
                "domainName": certificate["DomainName"],
                "subjectAlternativeNames": certificate.get("SubjectAlternativeNames"),
            }
        )
        proofs = [proof for proof in certificate.get("DomainValidationOptions", []) if "ResourceRecord" in proof]
        return {
            "domainName": certificate["DomainName"],
            # ACM names the key by bits where pulumi-aws's input has none: RSA-2048 is RSA_2048.
            "keyAlgorithm": certificate.get("KeyAlgorithm", "").replace("-", "_"),
            "options": {
                "certificateTransparencyLoggingPreference": certificate.get("Options", {}).get(
                    "CertificateTransparencyLoggingPreference", "ENABLED"
                )
            },
            "subjectAlternativeNames": names,
            "validationMethod": next((proof.get("ValidationMethod", "DNS") for proof in proofs), "DNS"),
            "arn": resource_id,
            "domainValidationOptions": [
                {
                    "domainName": proof["DomainName"],
                    "resourceRecordName": proof["ResourceRecord"]["Name"],
                    "resourceRecordType": proof["ResourceRecord"]["Type"],
                    "resourceRecordValue": proof["ResourceRecord"]["Value"],
                }
                for proof in sorted(proofs, key=lambda proof: str(proof["DomainName"]))
            ],
            "type": certificate["Type"],
            **tag_state(tags_of(said["Tags"])),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the only certificate with these names and these tags."""
        acm = self.clients("acm")
        fitting = []
        for page in acm.get_paginator("list_certificates").paginate():
            for item in page["CertificateSummaryList"]:
                if item["DomainName"] != inputs["domainName"]:
                    continue
                state = self.read(item["CertificateArn"], {}) or {}
                same = state.get("subjectAlternativeNames") == _names(inputs)
                if same and state.get("tags") == (inputs.get("tags") or {}):
                    fitting.append(str(item["CertificateArn"]))
        return fitting[0] if len(fitting) == 1 else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set options and tags."""
        acm = self.clients("acm")
        if "options" in changed:
            preference = (new.get("options") or {}).get("certificateTransparencyLoggingPreference", "ENABLED")
            acm.update_certificate_options(
                CertificateArn=resource_id, Options={"CertificateTransparencyLoggingPreference": preference}
            )
        put, remove = tag_changes(old.get("tags"), new.get("tags"))
        if remove:
            acm.remove_tags_from_certificate(CertificateArn=resource_id, Tags=[{"Key": key} for key in remove])
        if put:
            acm.add_tags_to_certificate(CertificateArn=resource_id, Tags=tag_list(put))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the certificate, which nothing may use."""
        del state
        with absent_is_fine(_GONE):
            self.clients("acm").delete_certificate(CertificateArn=resource_id)


class CertificateValidation(Handler):
    """That a certificate has been issued. AWS holds nothing for it: it only waits."""

    token = "aws:acm/certificateValidation:CertificateValidation"
    inputs = frozenset({"certificateArn", "validationRecordFqdns"})
    replace_on = inputs
    set_inputs = frozenset({"validationRecordFqdns"})
    write_only = frozenset({"validationRecordFqdns"})

    def create(self, inputs: Props) -> str:
        """Wait until the certificate is issued; the ID is the time at which it was."""
        arn = inputs["certificateArn"]

        def issued() -> bool:
            certificate = self.clients("acm").describe_certificate(CertificateArn=arn)["Certificate"]
            if certificate["Status"] not in {"PENDING_VALIDATION", "ISSUED"}:
                reason = certificate.get("FailureReason", "no reason given")
                raise ProdInfraError(
                    f"Certificate {arn} is {certificate['Status']}: {reason}",
                    hint="check the validation records and the domain's CAA record",
                )
            return bool(certificate["Status"] == "ISSUED")

        # https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html: up to 30 minutes is normal.
        wait_until(f"certificate {arn} is issued", issued, seconds=1800, pause=0.2)
        return self._issued_at(arn) or arn

    def _issued_at(self, arn: str) -> str | None:
        said = found(lambda: self.clients("acm").describe_certificate(CertificateArn=arn), _GONE)
        if not said or said["Certificate"]["Status"] != "ISSUED":
            return None
        return str(said["Certificate"].get("IssuedAt", arn))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the inputs while the certificate is issued."""
        del resource_id
        if not state.get("certificateArn") or self._issued_at(state["certificateArn"]) is None:
            return None
        return {
            "certificateArn": state["certificateArn"],
            "validationRecordFqdns": state.get("validationRecordFqdns"),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the time at which the certificate was issued, if it is."""
        return self._issued_at(inputs["certificateArn"])

    def delete(self, resource_id: str, state: Props) -> None:
        """Do nothing: there is nothing in AWS."""


HANDLERS = (Certificate, CertificateValidation)
