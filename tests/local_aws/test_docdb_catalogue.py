"""What DocumentDB offers on the local AWS, and that answers have the members that AWS always gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.docdb_environment import cluster, described, instance, seen
from tests.local_aws.environment import refused

ABSENT_HERE = {
    "DBCluster": {
        # Of features that the cluster does not use, or while a change is under way.
        *("PercentProgress", "ReplicationSourceIdentifier", "CloneGroupId", "IOOptimizedNextAllowedModificationTime"),
        *("StorageType", "ServerlessV2ScalingConfiguration", "ServerlessV2PlatformVersion", "MasterUserSecret"),
    },
    "DBInstance": {"StatusInfos", "CertificateDetails", "EnabledCloudwatchLogsExports", "PerformanceInsightsKMSKeyId"},
    "DBClusterSnapshot": {"SourceDBClusterSnapshotArn"},
}
"""Members of botocore's shapes that AWS leaves out for such a cluster, or that nothing here reads."""


@pytest.mark.parametrize(
    "shape", ["DBCluster", "DBInstance", "DBClusterSnapshot"], ids=["cluster", "instance", "snapshot"]
)
def test_answers_have_the_members_of_the_service_model(clients: Clients, shape: str) -> None:
    """What botocore's model of docdb knows is there, in the model's types, since boto3 parses by it."""
    cluster(clients, "a", StorageEncrypted=True)
    docdb = clients("docdb")
    answer: Mapping[str, Any] = {
        "DBCluster": lambda: described(clients),
        "DBInstance": lambda: instance(clients, "prod-a"),
        "DBClusterSnapshot": lambda: seen(docdb.describe_db_cluster_snapshots)[0],
    }[shape]()
    known = set(docdb.meta.service_model.shape_for(shape).members)
    assert known - answer.keys() <= ABSENT_HERE[shape]


def test_what_is_deployed_is_offered(clients: Clients) -> None:
    """Production's version and class are among those that can be ordered, in production's zones."""
    docdb = clients("docdb")
    versions = seen(docdb.describe_db_engine_versions, Engine="docdb")
    assert [each["EngineVersion"] for each in versions] == ["3.6.0", "4.0.0", "5.0.0"]
    default = seen(docdb.describe_db_engine_versions, Engine="docdb", DefaultOnly=True)
    assert [each["DBParameterGroupFamily"] for each in default] == ["docdb5.0"]
    options = seen(
        docdb.describe_orderable_db_instance_options,
        Engine="docdb",
        EngineVersion="5.0.0",
        DBInstanceClass="db.r6g.large",
    )
    zones = {zone["Name"] for option in options for zone in option["AvailabilityZones"]}
    assert zones == {f"eu-central-1{letter}" for letter in "abc"}
    pages = docdb.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine="docdb", PaginationConfig={"PageSize": 20}
    )
    names = [option["DBInstanceClass"] for page in pages for option in page["OrderableDBInstanceOptions"]]
    assert names.count("db.r6g.large") == 3


def test_certificates_tell_their_end(clients: Clients) -> None:
    """The authority of an instance's certificate is known, with its dates."""
    cluster(clients, "a")
    docdb = clients("docdb")
    authority = instance(clients, "prod-a")["CACertificateIdentifier"]
    found = seen(docdb.describe_certificates, CertificateIdentifier=authority)[0]
    assert found["ValidFrom"] < instance(clients, "prod-a")["InstanceCreateTime"] < found["ValidTill"]
    assert len(seen(docdb.describe_certificates)) == 3
    assert refused(docdb.describe_certificates, CertificateIdentifier="absent") == "CertificateNotFound"


def test_no_maintenance_is_pending(clients: Clients) -> None:
    """Nothing waits for a cluster that is there; another is not found."""
    cluster(clients)
    docdb = clients("docdb")
    arn = described(clients)["DBClusterArn"]
    assert seen(docdb.describe_pending_maintenance_actions, ResourceIdentifier=arn) == []
    other = arn.replace(":prod", ":other")
    assert refused(docdb.describe_pending_maintenance_actions, ResourceIdentifier=other) == "ResourceNotFoundFault"
    assert refused(docdb.list_tags_for_resource, ResourceName=other) == "DBClusterNotFoundFault"
    assert refused(docdb.list_tags_for_resource, ResourceName=other.replace(":cluster:", ":db:")) == (
        "DBInstanceNotFound"
    )


def test_default_parameter_groups_are_there_and_stay_as_they_are(clients: Clients) -> None:
    """A restored cluster's group can be described, but not changed."""
    docdb = clients("docdb")
    name = {"DBClusterParameterGroupName": "default.docdb5.0"}
    assert seen(docdb.describe_db_cluster_parameter_groups, **name)[0]["DBParameterGroupFamily"] == "docdb5.0"
    assert {each["Source"] for each in seen(docdb.describe_db_cluster_parameters, **name)} == {"system"}
    change = [{"ParameterName": "tls", "ParameterValue": "disabled", "ApplyMethod": "pending-reboot"}]
    assert refused(docdb.modify_db_cluster_parameter_group, **name, Parameters=change) == (
        "InvalidDBParameterGroupState"
    )
    assert refused(docdb.delete_db_cluster_parameter_group, **name) == "InvalidDBParameterGroupState"
    absent = {"DBClusterParameterGroupName": "absent"}
    assert refused(docdb.describe_db_cluster_parameter_groups, **absent) == "DBParameterGroupNotFound"


def test_a_class_waits_for_the_window_unless_applied_at_once(clients: Clients) -> None:
    """A change of class is pending until it is asked for immediately; the tier counts at once."""
    cluster(clients, "a")
    docdb = clients("docdb")
    which = {"DBInstanceIdentifier": "prod-a"}
    docdb.modify_db_instance(**which, DBInstanceClass="db.r6g.xlarge", PromotionTier=3)
    held = instance(clients, "prod-a")
    assert (held["DBInstanceClass"], held["PromotionTier"]) == ("db.r6g.large", 3)
    assert held["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.xlarge"}
    changed = docdb.modify_db_instance(**which, DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True)["DBInstance"]
    assert changed["DBInstanceStatus"] == "modifying"
    docdb.get_waiter("db_instance_available").wait(**which, WaiterConfig={"Delay": 1})
    held = instance(clients, "prod-a")
    assert held["DBInstanceClass"] == "db.r6g.xlarge"
    assert not held.get("PendingModifiedValues")
