"""Who changed a resource last, where CloudTrail tells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.engine import Reading

UNKNOWN_ACTOR: Final = "unknown"
_GLOBAL: Final = {"cloudfront", "iam", "route53"}
_GLOBAL_REGION: Final = "us-east-1"
"""Where CloudTrail keeps the events of services that have no region (CloudTrail guide, "Global service events")."""


class Trail:
    """CloudTrail's event history: management events of the last 90 days, twice a second.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html

    Attributes:
        warning: why it can't be asked; empty while it can.
    """

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self.warning = ""

    def last_change(self, reading: Reading) -> str:
        """Return who changed a resource last, by which call and when (UTC); `unknown` where CloudTrail can't tell."""
        service = reading.change.type.split(":")[1].partition("/")[0]
        region = _GLOBAL_REGION if service in _GLOBAL else (reading.actual or reading.declared).get("region")
        for name in _names(reading):
            if self.warning:
                break
            if found := self._look_up(name, region):
                return found
        return UNKNOWN_ACTOR

    def _look_up(self, name: str, region: str | None) -> str:
        trail = self._clients("cloudtrail", region)
        try:
            # Newest first; 50 at a time is the most.
            answer = trail.lookup_events(
                LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}], MaxResults=50
            )
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            self.warning = f"who changed it is unknown: CloudTrail can't be asked ({code})"
            return ""
        for event in answer["Events"]:
            if event.get("ReadOnly") == "true" or json.loads(event.get("CloudTrailEvent", "{}")).get("errorCode"):
                continue
            who = event.get("Username") or event.get("EventSource", "AWS")
            return f"{who}, {event['EventName']} at {event['EventTime']:%Y-%m-%d %H:%M:%S}"
        return ""


def _names(reading: Reading) -> Iterable[str]:
    """Return what CloudTrail may call the resource: services differ in whether they name the ARN, an ID or a name."""
    names = (reading.id, reading.id.rpartition("/")[2], str(reading.declared.get("name", "")))
    return dict.fromkeys(filter(None, names))
