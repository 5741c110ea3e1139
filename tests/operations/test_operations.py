"""Keys, logs, alarms and evidence, as the whole environment registers them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prod_infra.operations.encryption import GLOBAL_REGION
from prod_infra.operations.key import ADMINISTRATION
from prod_infra.properties import plain
from tests.recording import production, record_environment


def _keys() -> dict[str, dict[str, Any]]:
    """Return each key's inputs by the last part of its name."""
    prefix = "prod-keys-"
    return {item.name.removeprefix(prefix): plain(item.inputs) for item in production().of("kms/key:Key")}


def _statements(purpose: str) -> dict[str, dict[str, Any]]:
    found = json.loads(_keys()[purpose]["policy"])["Statement"]
    return {statement["Sid"]: statement for statement in found}


def test_every_key_rotates_and_can_be_saved() -> None:
    """Each key rotates, has an alias, and can be had back for as long as the setting says."""
    keys = _keys()
    assert {"database", "secrets", "images", "buckets", "logs", "alarms", "edge-logs", "edge-alarms"} == keys.keys()
    assert all(key["enableKeyRotation"] and key["deletionWindowInDays"] == 30 for key in keys.values())
    aliases = {plain(item.inputs)["name"] for item in production().of("kms/alias:Alias")}
    assert aliases == {f"alias/prod-{purpose}" for purpose in keys}


def test_keys_administrators_can_not_decrypt() -> None:
    """The account administers a key, and no statement gives every action or every principal."""
    assert not any(action.startswith(("kms:Decrypt", "kms:Encrypt", "kms:Generate")) for action in ADMINISTRATION)
    for purpose in _keys():
        for statement in _statements(purpose).values():
            assert statement["Principal"] != "*"
            assert not {"*", "kms:*"} & set(statement["Action"])
            assert statement["Sid"] == "Administration" or statement["Condition"]


@pytest.mark.parametrize(
    ("purpose", "service"),
    [("database", "rds"), ("secrets", "secretsmanager"), ("images", "ecr"), ("buckets", "s3"), ("alarms", "sns")],
)
def test_a_key_works_through_its_service_alone(purpose: str, service: str) -> None:
    """Who may use a key may do so only through the service whose data it protects."""
    condition = _statements(purpose)["UseThroughService"]["Condition"]["StringEquals"]
    assert condition == {"kms:ViaService": f"{service}.eu-central-1.amazonaws.com", "kms:CallerAccount": "123456789012"}


def test_edge_keys_are_in_us_east_1() -> None:
    """What CloudFront keeps in us-east-1 is encrypted there; a key works in its own region alone."""
    regions = {purpose: key["region"] for purpose, key in _keys().items()}
    assert {purpose for purpose, region in regions.items() if region == GLOBAL_REGION} == {"edge-logs", "edge-alarms"}


def test_every_log_group_is_encrypted_and_kept() -> None:
    """Each log group has a key of its own region and the retention of the settings."""
    found = record_environment(log_retention_days=400)
    groups = found.of("cloudwatch/logGroup:LogGroup")
    assert len(groups) == 7
    for group in groups:
        assert plain(group.inputs)["retentionInDays"] == 400
        [key] = found.targets(group, "kmsKeyId")
        own = plain(group.inputs).get("region")
        assert key == ("prod-keys-edge-logs" if own == GLOBAL_REGION else "prod-keys-logs")


def test_database_waits_for_its_log_groups() -> None:
    """DocumentDB finds its log groups made, and makes none of its own without key and end."""
    cluster = production().named("docdb/cluster:Cluster")
    names = {item.inputs["name"].value for item in production().of("cloudwatch/logGroup:LogGroup")}
    identifier = plain(cluster.inputs)["clusterIdentifier"]
    assert {f"/aws/docdb/{identifier}/{log}" for log in ("audit", "profiler")} <= names
    assert sum("logGroup" in urn for urn in cluster.dependencies) == 2


def test_flow_logs_see_everything() -> None:
    """The VPC's flow logs hold accepted and rejected traffic, each minute."""
    flow = production().inputs("ec2/flowLog:FlowLog")
    assert (flow["trafficType"], flow["maxAggregationInterval"]) == ("ALL", 60)


def test_only_the_log_bucket_logs_nothing() -> None:
    """Every bucket but the one of the logs writes its access logs there, once that lets them in."""
    found = production()
    buckets = {item.name for item in found.of("s3/bucket:Bucket")}
    logged = found.of("s3/bucketLogging:BucketLogging")
    assert buckets - {item.name for item in logged} == {"prod-access-logs"}
    assert {name for item in logged for name in found.targets(item, "targetBucket")} == {"prod-access-logs"}
    assert all("bucketPolicy" in item.property_dependencies["targetBucket"][0] for item in logged)


def test_logs_come_under_prefixes_of_their_own() -> None:
    """Load balancer, buckets and distribution write where the log bucket's policy lets each of them."""
    found = production()
    assert found.inputs("lb/loadBalancer:LoadBalancer")["accessLogs"]["prefix"] == "alb"
    balancer = found.named("lb/loadBalancer:LoadBalancer")
    assert "prod-access-logs" in found.targets(balancer, "accessLogs")
    assert "bucketPolicy" in balancer.property_dependencies["accessLogs"][0]


def test_every_bucket_clears_away_what_nobody_needs() -> None:
    """Old versions and abandoned uploads go, and access logs at the end of the retention."""
    rules = {
        item.name: plain(item.inputs)["rules"][0]
        for item in production().of("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    }
    assert len(rules) == len(production().of("s3/bucket:Bucket")) == 4
    assert all(rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"] == 7 for rule in rules.values())
    assert {name for name, rule in rules.items() if "expiration" in rule} == {"prod-access-logs"}


def test_evidence_is_locked_from_its_birth() -> None:
    """Evidence can't be changed for as long as the settings say."""
    found = record_environment(evidence_retention_mode="GOVERNANCE", evidence_retention_days=30)
    assert found.inputs("s3/bucket:Bucket", "evidence")["objectLockEnabled"] is True
    lock = found.inputs("s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert lock["rule"]["defaultRetention"] == {"mode": "GOVERNANCE", "days": 30}


def test_every_alarm_tells_the_topic_of_its_region() -> None:
    """No alarm rings unheard; an alarm reaches topics of its own region alone."""
    found = production()
    for alarm in found.of("cloudwatch/metricAlarm:MetricAlarm"):
        edge = plain(alarm.inputs).get("region") == GLOBAL_REGION
        for key in ("alarmActions", "okActions"):
            assert found.targets(alarm, key) == ["prod-edge-alarms" if edge else "prod-alarms"]


def test_no_running_task_is_an_alarm() -> None:
    """A service without tasks sends no data, which is the fault itself."""
    alarm = production().inputs("cloudwatch/metricAlarm:MetricAlarm", "watch-tasks")
    assert (alarm["threshold"], alarm["treatMissingData"]) == (2, "breaching")


def test_topics_are_encrypted() -> None:
    """Each topic has its region's key, and no message goes there without TLS."""
    found = production()
    for topic in found.of("sns/topic:Topic"):
        assert found.targets(topic, "kmsMasterKeyId")[0].startswith("prod-keys-")
        assert "aws:SecureTransport" in plain(topic.inputs)["policy"]


def test_deletion_window_is_a_setting() -> None:
    """A rehearsal may shorten how long deleted keys wait."""
    keys = record_environment(kms_deletion_window_days=7).of("kms/key:Key")
    assert {plain(key.inputs)["deletionWindowInDays"] for key in keys} == {7}
