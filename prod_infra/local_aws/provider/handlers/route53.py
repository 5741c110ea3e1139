"""DNS records."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import ClientError

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import error_code, found, wait_until
from prod_infra.properties import Props

_NO_ZONE: Final = "NoSuchHostedZone"


class Record(Handler):
    """The record set of one name and type: values with a TTL, or an alias of an AWS resource."""

    token = "aws:route53/record:Record"
    regional = False
    inputs = frozenset({"aliases", "allowOverwrite", "name", "records", "ttl", "type", "zoneId"})
    nested_inputs = {"aliases": frozenset({"evaluateTargetHealth", "name", "zoneId"})}
    replace_on = frozenset({"name", "type", "zoneId"})
    set_inputs = frozenset({"records"})
    write_only = frozenset({"allowOverwrite", "name"})
    outputs = frozenset({"allowOverwrite", "fqdn"})
    # The name and type can be held only once.
    delete_before_replace = True

    def faults(self, inputs: Props) -> dict[str, str]:
        """A record set is values with a TTL, or one alias."""
        if bool(inputs.get("aliases")) == bool(inputs.get("records")):
            return {"records": "a record needs either records with a ttl, or one alias"}
        if inputs.get("records") and inputs.get("ttl") is None:
            return {"ttl": "records need a ttl, in seconds"}
        if inputs.get("aliases") and inputs.get("ttl") is not None:
            return {"ttl": "an alias takes the ttl of what it points to: leave it out"}
        return {}

    def _fqdn(self, inputs: Props) -> str:
        """Return the name with the zone's, in lower case and without the last dot, as pulumi-aws does."""
        zone = self.clients("route53").get_hosted_zone(Id=inputs["zoneId"])["HostedZone"]["Name"].rstrip(".")
        name = str(inputs["name"]).rstrip(".").lower()
        if name == zone or name.endswith(f".{zone}"):
            return name
        return f"{name}.{zone}" if name else zone

    def _record_set(self, inputs: Props) -> dict[str, Any]:
        record: dict[str, Any] = {"Name": self._fqdn(inputs), "Type": inputs["type"]}
        for alias in inputs.get("aliases") or ():
            record["AliasTarget"] = {
                "DNSName": alias["name"],
                "HostedZoneId": alias["zoneId"],
                "EvaluateTargetHealth": bool(alias.get("evaluateTargetHealth")),
            }
        if inputs.get("records"):
            record["TTL"] = inputs["ttl"]
            record["ResourceRecords"] = [{"Value": _quoted(text, inputs["type"])} for text in inputs["records"]]
        return record

    def _change(self, zone_id: str, action: str, record: dict[str, Any]) -> None:
        route53 = self.clients("route53")
        change = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        info = route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=change)["ChangeInfo"]
        wait_until(
            f"the change of {record['Name']} is on every name server",
            lambda: bool(route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC"),
        )

    def create(self, inputs: Props) -> str:
        """Create the record; one that is there already is an error, unless `allowOverwrite` is set."""
        record = self._record_set(inputs)
        self._change(inputs["zoneId"], "UPSERT" if inputs.get("allowOverwrite") else "CREATE", record)
        return f"{inputs['zoneId']}_{record['Name']}_{record['Type']}"

    def _described(self, zone_id: str, name: str, kind: str) -> dict[str, Any] | None:
        said = found(
            lambda: self.clients("route53").list_resource_record_sets(
                HostedZoneId=zone_id, StartRecordName=name, StartRecordType=kind, MaxItems="1"
            ),
            _NO_ZONE,
        )
        for record in said["ResourceRecordSets"] if said else ():
            # Route 53 writes the wildcard as \052.
            if record["Name"].replace("\\052", "*").rstrip(".") == name and record["Type"] == kind:
                return dict(record)
        return None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the record that zone, name and type in the ID point to."""
        zone_id, rest = resource_id.split("_", 1)
        name, kind = rest.rsplit("_", 1)
        record = self._described(zone_id, name, kind)
        if record is None:
            return None
        alias = record.get("AliasTarget")
        return {
            "aliases": [
                {
                    "name": alias["DNSName"].rstrip("."),
                    "zoneId": alias["HostedZoneId"],
                    "evaluateTargetHealth": alias["EvaluateTargetHealth"],
                }
            ]
            if alias
            else None,
            "allowOverwrite": bool(state.get("allowOverwrite")),
            # The program may leave the zone's name out, and AWS never does.
            "name": state.get("name", name),
            "records": None
            if alias
            else [_unquoted(item["Value"], kind) for item in record.get("ResourceRecords", [])],
            "ttl": None if alias else record.get("TTL"),
            "type": kind,
            "zoneId": zone_id,
            "fqdn": name,
        }

    def find(self, inputs: Props) -> str | None:
        """Return the record of this name and type, if it says what the inputs say."""
        try:
            wanted = self._record_set(inputs)
        except ClientError as error:
            if error_code(error) == _NO_ZONE:
                return None
            raise
        held = self._described(inputs["zoneId"], wanted["Name"], wanted["Type"])
        if held is None or held.get("ResourceRecords") != wanted.get("ResourceRecords"):
            return None
        return f"{inputs['zoneId']}_{wanted['Name']}_{wanted['Type']}"

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the new record set in the place of the old."""
        del resource_id, old, changed
        self._change(new["zoneId"], "UPSERT", self._record_set(new))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the record as AWS holds it."""
        del state
        zone_id, rest = resource_id.split("_", 1)
        name, kind = rest.rsplit("_", 1)
        if record := self._described(zone_id, name, kind):
            self._change(zone_id, "DELETE", record)


def _quoted(text: str, kind: str) -> str:
    return f'"{text}"' if kind in {"TXT", "SPF"} and not text.startswith('"') else text


def _unquoted(text: str, kind: str) -> str:
    return text[1:-1] if kind in {"TXT", "SPF"} and text.startswith('"') and text.endswith('"') else text


HANDLERS = (Record,)
