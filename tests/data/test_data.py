"""The database and its secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prod_infra.data.windows import backup_minutes, maintenance_minutes, windows_overlap
from prod_infra.properties import plain
from tests.recording import production, record_environment

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_instances_stand_in_every_zone() -> None:
    """Instances are pinned to the zones in turn."""
    found = record_environment(instance_count=3)
    zones = [plain(item.inputs)["availabilityZone"] for item in found.of("docdb/clusterInstance:ClusterInstance")]
    assert sorted(zones) == ["eu-central-1a", "eu-central-1a", "eu-central-1b"]


def test_cluster_is_productions() -> None:
    """Encrypted, backed up for 14 days in its window, changed in its window, logged, not deleted by accident."""
    cluster = production().inputs("docdb/cluster:Cluster")
    expected = {
        "storageEncrypted": True,
        "backupRetentionPeriod": 14,
        "preferredBackupWindow": "03:00-04:00",
        "preferredMaintenanceWindow": "sun:04:00-sun:05:00",
        "enabledCloudwatchLogsExports": ["audit", "profiler"],
        "applyImmediately": False,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
    }
    assert expected.items() <= cluster.items()
    assert production().targets(production().named("docdb/cluster:Cluster"), "finalSnapshotIdentifier") == [
        "prod-docdb-final-snapshot"
    ]


def test_parameters_want_tls_and_keep_audit() -> None:
    """Old TLS is refused, and audit and profiler events are written."""
    group = production().inputs("docdb/clusterParameterGroup:ClusterParameterGroup")
    assert {item["name"]: item["value"] for item in group["parameters"]} == {
        "tls": "tls1.2+",
        "audit_logs": "enabled",
        "profiler": "enabled",
    }


def test_password_is_a_secret_everywhere() -> None:
    """Cluster and secret version take the password as a Pulumi secret, so no state shows it."""
    found = production()
    assert found.named("docdb/cluster:Cluster").inputs["masterPassword"].is_secret
    version = found.named("secretsmanager/secretVersion:SecretVersion")
    assert version.inputs["secretString"].is_secret
    assert found.inputs("secretsmanager/secret:Secret")["name"] == "prod/docdb/master_password"


@pytest.mark.parametrize("protect", [True, False])
def test_what_holds_data_is_protected_by_a_setting(*, protect: bool) -> None:
    """Cluster, password, secret, buckets and keys are protected; a rehearsal may turn that off."""
    found = production() if protect else record_environment(protect_data=False)
    guarded = {item.type.rpartition(":")[2] for item in found.all if item.protect}
    assert guarded == ({"Cluster", "RandomPassword", "Secret", "Bucket", "Key"} if protect else set())


@given(st.integers(0, 1439), st.integers(30, 1439))
def test_backup_windows_cover_their_minutes(start: int, length: int) -> None:
    """A window starts where it says and is as long as it says, over midnight too."""
    end = (start + length) % 1440
    minutes = backup_minutes(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    assert (minutes.start, len(minutes)) == (start, length)


@given(st.integers(0, 10079), st.integers(30, 1439), st.integers(0, 1439), st.integers(30, 1439))
def test_windows_overlap_if_a_backup_falls_into_maintenance(
    weekly: int, weekly_length: int, daily: int, daily_length: int
) -> None:
    """Two windows overlap exactly if some minute of the week belongs to both."""

    def text(minute: int) -> str:
        return f"{minute // 60 % 24:02}:{minute % 60:02}"

    def day_text(minute: int) -> str:
        return f"{DAYS[minute // 1440 % 7]}:{text(minute)}"

    backup = f"{text(daily)}-{text(daily + daily_length)}"
    maintenance = f"{day_text(weekly)}-{day_text(weekly + weekly_length)}"
    assert len(maintenance_minutes(maintenance)) == weekly_length
    # From one start to the next: they meet if one begins before the other has ended, on the circle of a day.
    ahead = (daily - weekly) % 1440
    assert windows_overlap(backup, maintenance) == (ahead < weekly_length or 1440 - ahead < daily_length)
