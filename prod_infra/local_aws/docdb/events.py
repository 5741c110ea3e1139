"""Events of DocumentDB clusters and instances: moto has few, none of a cluster, and gives them without a filter.

Categories and messages are those of
https://docs.aws.amazon.com/documentdb/latest/developerguide/event-subscriptions.categories-messages.html, worded as RDS
does (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.core.responses import ActionResult, PaginatedResult
from moto.core.utils import utcnow
from moto.rds import exceptions, responses

from prod_infra.local_aws.patches import added, around

MESSAGES: Final = {
    "Cluster created": "creation",
    "DB cluster deleted": "deletion",
    "DB cluster stopped": "notification",
    "DB cluster started": "notification",
    "DB instance created": "creation",
    "DB instance deleted": "deletion",
    "DB instance restarted": "availability",
    "DB instance shutdown": "availability",
    "Reset master credentials": "configuration change",
    "Finished applying modification to DB instance class": "configuration change",
}
"""Category by message, for those without an instance's name in them."""

CATEGORIES: Final = {
    "db-cluster": ["creation", "deletion", "failover", "maintenance", "notification"],
    "db-instance": ["availability", "configuration change", "creation", "deletion", "notification", "recovery"],
    "db-cluster-snapshot": ["backup"],
}
SOURCES: Final = frozenset({*CATEGORIES, "db-parameter-group", "db-security-group", "db-snapshot"})
DEFAULT_MINUTES: Final = 60
LONGEST_MINUTES: Final = 14 * 24 * 60
"""AWS keeps events for 14 days."""


@dataclass(frozen=True)
class Event:
    """What happened to a cluster or an instance, as `DescribeEvents` returns it."""

    source_identifier: str
    source_type: str
    source_arn: str
    message: str
    event_categories: list[str]
    date: datetime = field(default_factory=utcnow)


def note(resource: Any, message: str, category: str = "") -> None:
    """Add an event of a cluster or an instance.

    Args:
        resource: moto's, with `event_source_type`.
        message: AWS's.
        category: AWS's; needed unless the message is one of MESSAGES.
    """
    categories = [category or MESSAGES[message]]
    event = Event(resource.resource_id, resource.event_source_type, resource.arn, message, categories)
    resource.backend.events.append(event)


def naive(moment: datetime) -> datetime:
    """Return a time in moto's form, UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _describe(_: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    source_type, source = params.get("SourceType"), params.get("SourceIdentifier")
    if source and not source_type:
        raise exceptions.InvalidParameterCombination("Cannot specify source identifier without source type")
    if source_type and source_type not in SOURCES:
        raise exceptions.InvalidParameterValue(f"Invalid source type: {source_type}")
    if not 0 < (minutes := params.get("Duration") or DEFAULT_MINUTES) <= LONGEST_MINUTES:
        raise exceptions.InvalidParameterValue(f"Duration must be from 1 to {LONGEST_MINUTES} minutes.")
    end = naive(params["EndTime"]) if params.get("EndTime") else utcnow()
    start = naive(params["StartTime"]) if params.get("StartTime") else end - timedelta(minutes=minutes)
    if start > end:
        raise exceptions.InvalidParameterCombination("The start time must be before the end time.")
    categories = set(params.get("EventCategories") or [])
    events = [
        each
        for each in response.backend.events
        if (not source_type or each.source_type == source_type)
        and (not source or each.source_identifier == source.lower())
        and (not categories or categories & set(each.event_categories))
        and start <= each.date <= end
    ]
    return PaginatedResult({"Events": events})


def _describe_categories(response: Any) -> ActionResult:
    asked = response.params.get("SourceType")
    maps = [
        {"SourceType": source, "EventCategories": categories}
        for source, categories in CATEGORIES.items()
        if asked in (None, source)
    ]
    return ActionResult({"EventCategoriesMapList": maps})


def register() -> None:
    """Let events be asked for by source, category and time."""
    around(responses.RDSResponse, "describe_events")(_describe)
    added(responses.RDSResponse, "describe_event_categories")(_describe_categories)
