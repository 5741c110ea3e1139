"""Which operations of AWS the extensions of the local AWS add or change: what they themselves register."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import botocore.session
from botocore import xform_name

_TELL: Final = """
import json
from prod_infra.local_aws import patches

told = []
def telling(put):
    def tell(owner, name):
        told.append((getattr(owner, "__module__", owner.__name__), name))
        return put(owner, name)
    return tell
patches.around, patches.added = telling(patches.around), telling(patches.added)
from prod_infra.local_aws import application, arc_zonal_shift
from prod_infra.local_aws.refusals import checks as refusals
for register in application.EXTENSIONS:
    register()
own = [("arc-zonal-shift", name) for name in arc_zonal_shift.OPERATIONS]
print(json.dumps({"patched": told, "own": own, "refused": sorted(refusals.CHECKS)}))
"""

SERVICES: Final = {"applicationautoscaling": "application-autoscaling", "rds": "docdb"}
"""moto's packages that have another name than boto3's client."""

INNER: Final = {
    ("acm", "check"): ["DescribeCertificate"],
    ("acm", "describe"): ["DescribeCertificate"],
    ("cloudfront", "create_distribution_with_tags"): ["CreateDistribution"],
    ("cloudwatch", "update_state"): ["DescribeAlarms"],
    ("cloudwatch", "get_statistics_for_type"): ["GetMetricStatistics"],
    ("codedeploy", "_deployment_group_info"): ["GetDeploymentGroup"],
    ("docdb", "list_cluster_engines"): ["DescribeDBClusters"],
    ("docdb", "valid_db_instance_engine"): ["DescribeDBInstances"],
    ("docdb", "_get_resource_for_tagging"): ["ListTagsForResource"],
    ("docdb", "update_cluster_parameters"): ["ModifyDBClusterParameterGroup"],
    ("docdb", "delete_subnet_group"): ["DeleteDBSubnetGroup"],
    ("docdb", "restore_db_cluster_from_snapshot"): ["RestoreDBClusterFromSnapshot"],
    ("ec2", "__init__"): ["AuthorizeSecurityGroupIngress", "CreateNatGateway"],
    ("elbv2", "__init__"): ["CreateListener"],
    ("elbv2", "register"): ["RegisterTargets"],
    ("elbv2", "deregister"): ["DeregisterTargets"],
    ("elbv2", "health_for"): ["DescribeTargetHealth"],
    ("iam", "_init_aws_policies"): ["GetPolicy"],
    ("kms", "generate_private_key"): ["CreateKey"],
    ("kms", "to_dict"): ["DescribeKey"],
    ("s3", "serialized"): ["GetBucketNotificationConfiguration"],
    ("s3", "get_permission"): ["PutObject"],
    ("secretsmanager", "reset_default_version"): ["CreateSecret"],
    ("secretsmanager", "_form_version_ids_to_stages"): ["DescribeSecret"],
    ("secretsmanager", "_check_with_existing_secrets_and_versions"): ["CreateSecret"],
}
"""Functions of moto that are no operation's: the operations in which their change shows."""


class Operation(NamedTuple):
    """An operation: boto3's name of the service, the API's of the operation."""

    service: str
    name: str


def model(service: str) -> Any:
    """Return botocore's model of a service."""
    return _session().get_service_model(service)


@cache
def _session() -> Any:
    return botocore.session.get_session()


@cache
def _told() -> dict[str, list[list[str]]]:
    # In a process of its own, for they change moto for good.
    told = subprocess.run([sys.executable, "-c", _TELL], check=True, capture_output=True, text=True).stdout
    found: dict[str, list[list[str]]] = json.loads(told)
    return found


def altered() -> frozenset[Operation]:
    """Return the operations whose answers are not moto's alone.

    Raises:
        KeyError: an extension changes a function of moto that is neither an operation's nor in `INNER`.
    """
    return frozenset(_altered())


def _altered() -> Iterator[Operation]:
    for module, function in _told()["patched"]:
        package = module.split(".")[1]
        service = SERVICES.get(package, package)
        names = {xform_name(name): name for name in model(service).operation_names}
        if (service, function) in INNER:
            yield from (Operation(service, name) for name in INNER[service, function])
        else:
            yield Operation(service, names[function])
    for service, name in _told()["own"]:
        yield Operation(service, name)


def refused_operations() -> frozenset[Operation]:
    """Return the operations that have a check of their own in `refusals.CHECKS`."""
    return frozenset(Operation(*each) for each in _told()["refused"])
