"""What DocumentDB offers, and what it wants to be done: engine versions, instance classes, certificates, maintenance.

Follows https://docs.aws.amazon.com/documentdb/latest/developerguide/db-instance-classes.html and
https://docs.aws.amazon.com/documentdb/latest/developerguide/ca_cert_rotation.html. moto has none of it for DocumentDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from moto.core.responses import ActionResult, PaginatedResult
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.rds import exceptions, models, responses
from moto.rds.utils import split_arn

from prod_infra.local_aws.docdb.model import DEFAULT_VERSION, ENGINE, family
from prod_infra.local_aws.patches import added, around

VERSIONS: Final = ("3.6.0", "4.0.0", "5.0.0")
UPGRADES: Final = {"3.6.0": ("4.0.0", "5.0.0"), "4.0.0": ("5.0.0",), "5.0.0": ()}
CLASSES: Final = (
    *("db.t3.medium", "db.t4g.medium"),
    *(
        f"db.{kind}.{size}"
        for kind in ("r5", "r6g")
        for size in ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
    ),
    *("db.r5.24xlarge",),
)
CERTIFICATES: Final = {"rds-ca-rsa2048-g1": 2061, "rds-ca-rsa4096-g1": 2121, "rds-ca-ecc384-g1": 2121}
"""Certificate authorities, and the years in which they end."""

NOT_FOUND: Final = {
    "cluster": "DBClusterNotFoundFault",
    "db": "DBInstanceNotFound",
    "cluster-snapshot": "DBClusterSnapshotNotFoundFault",
    "cluster-pg": "DBParameterGroupNotFound",
    "subgrp": "DBSubnetGroupNotFoundFault",
}
"""AWS's error for an ARN of nothing, by its type."""


def _versions(response: Any) -> ActionResult:
    params = response.params
    asked = params.get("Engine") in (None, ENGINE)
    version, group = params.get("EngineVersion"), params.get("DBParameterGroupFamily")
    offered = [
        {
            "Engine": ENGINE,
            "EngineVersion": each,
            "DBParameterGroupFamily": family(each),
            "DBEngineDescription": "Amazon DocumentDB (with MongoDB compatibility)",
            "DBEngineVersionDescription": f"Amazon DocumentDB version {each}",
            "ValidUpgradeTarget": [
                {"Engine": ENGINE, "EngineVersion": to, "AutoUpgrade": False, "IsMajorVersionUpgrade": True}
                for to in UPGRADES[each]
            ],
            "ExportableLogTypes": ["audit", "profiler"],
            "SupportsLogExportsToCloudwatchLogs": True,
            "SupportedCACertificateIdentifiers": list(CERTIFICATES),
            "SupportsCertificateRotationWithoutRestart": each == "5.0.0",
        }
        for each in VERSIONS
        # A version may be given by its beginning, such as 5.0.
        if asked and each.startswith(version or "") and group in (None, family(each))
    ]
    if params.get("DefaultOnly"):
        offered = [each for each in offered if each["EngineVersion"] == DEFAULT_VERSION]
    return PaginatedResult({"DBEngineVersions": offered})


def _orderable(original: Callable[..., ActionResult], response: Any) -> ActionResult:
    params = response.params
    if params.get("Engine") != ENGINE:
        return original(response)
    version, size = params.get("EngineVersion"), params.get("DBInstanceClass")
    zones = [{"Name": zone.name} for zone in RegionsAndZonesBackend.zones[response.region]]
    options = [
        {
            "Engine": ENGINE,
            "EngineVersion": each,
            "DBInstanceClass": name,
            "LicenseModel": "na",
            "AvailabilityZones": zones,
            "Vpc": True,
            "StorageType": "aurora",
        }
        for each in VERSIONS
        for name in CLASSES
        if version in (None, each) and size in (None, name) and not ("t4g" in name and each == "3.6.0")
    ]
    return PaginatedResult({"OrderableDBInstanceOptions": options})


def _certificates(response: Any) -> ActionResult:
    asked = response.params.get("CertificateIdentifier")
    if asked and asked not in CERTIFICATES:
        raise exceptions.RDSClientError("CertificateNotFound", f"Certificate not found: {asked}")
    held = [
        {
            "CertificateIdentifier": name,
            "CertificateType": "CA",
            "Thumbprint": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
            "ValidFrom": datetime(2021, 5, 21),  # noqa: DTZ001  moto's form of UTC
            "ValidTill": datetime(year, 5, 21),  # noqa: DTZ001
            "CertificateArn": f"arn:aws:rds:{response.region}::cert:{name}",
        }
        for name, year in CERTIFICATES.items()
        if asked in (None, name)
    ]
    return PaginatedResult({"Certificates": held})


def _pending_maintenance(response: Any) -> ActionResult:
    """Nothing ever waits here; what is asked for must exist."""
    if arn := response.params.get("ResourceIdentifier"):
        try:
            response.backend.list_tags_for_resource(arn)
        except exceptions.RDSClientError as error:
            raise exceptions.RDSClientError("ResourceNotFoundFault", f"Resource not found: {arn}") from error
    return ActionResult({"PendingMaintenanceActions": []})


def _tagged(original: Callable[..., Any], backend: Any, arn: str) -> Any:
    resource = original(backend, arn)
    if resource is None:
        _, _, kind, name = split_arn(arn)
        raise exceptions.RDSClientError(NOT_FOUND.get(kind, "InvalidParameterValue"), f"{kind} {name} not found.")
    return resource


def register() -> None:
    """Answer what DocumentDB offers, and refuse to tag what is not there."""
    added(responses.RDSResponse, "describe_db_engine_versions")(_versions)
    added(responses.RDSResponse, "describe_certificates")(_certificates)
    added(responses.RDSResponse, "describe_pending_maintenance_actions")(_pending_maintenance)
    around(responses.RDSResponse, "describe_orderable_db_instance_options")(_orderable)
    around(models.RDSBackend, "_get_resource_for_tagging")(_tagged)
