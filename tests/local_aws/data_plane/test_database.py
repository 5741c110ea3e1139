"""Writes through DocumentDB's writer: acknowledged, lost for a while, restored, refused."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from prod_infra.sample_app.digest import digest
from tests.local_aws.data_plane.shop import DOMAIN, Shop, eventually


def _probe(shop: Shop, run: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.get("/api/probe", params={"run": run}).json()
    return found


def test_what_is_acknowledged_is_there_and_in_the_log(shop: Shop) -> None:
    """The probe's own count, gaps and digest, and the log beside it, agree."""
    assert [shop.write("drill", number) for number in (1, 2, 5)] == [201, 201, 201]
    found = _probe(shop, "drill")
    assert (found["count"], found["last"], found["missing"]) == (3, 5, [[3, 4]])
    assert found["sha256"] == digest([1, 2, 5])
    assert [write["sequence"] for write in shop.door.log("drill")] == [1, 2, 5]
    assert _probe(shop, "another")["count"] == 0


def test_a_failover_is_an_outage_as_long_as_it_takes(shop: Shop) -> None:
    """While there is no writer, writes get 503 and nothing is acknowledged; what was, stays."""
    with shop.local_aws.fault("failover", seconds=1.0):
        shop.clients("docdb").failover_db_cluster(DBClusterIdentifier="shop", TargetDBInstanceIdentifier="shop-1")
        statuses: list[tuple[float, int]] = []
        number = 0
        while not statuses or 503 not in {status for _, status in statuses} or statuses[-1][1] != 201:
            number += 1
            statuses.append((time.monotonic(), shop.write("failover", number)))
            assert len(statuses) < 2000
    assert {status for _, status in statuses} == {201, 503}
    down = [at for at, status in statuses if status == 503]
    assert 0.5 < down[-1] - down[0] <= 1.5
    acknowledged = [place for place, (_, status) in enumerate(statuses, 1) if status == 201]
    assert _probe(shop, "failover")["sequences"] == acknowledged
    assert [write["sequence"] for write in shop.door.log("failover")] == acknowledged


def test_a_restored_cluster_has_the_data_of_its_moment(shop: Shop) -> None:
    """A one-off task compares: it prints count and digest of the restored cluster to its log, and ends with 0."""
    docdb = shop.clients("docdb")
    assert shop.write("restore", 1) == 201

    def restorable() -> bool:
        latest = docdb.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["LatestRestorableTime"]
        return bool(latest.timestamp() > shop.door.log("restore")[0]["at"])

    eventually(restorable)
    latest = docdb.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["LatestRestorableTime"]
    assert latest < datetime.now(UTC)
    assert shop.write("restore", 2) == 201
    endpoint = docdb.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="restored",
        SourceDBClusterIdentifier="shop",
        RestoreToTime=latest,
        DBSubnetGroupName="shop",
    )["DBCluster"]["Endpoint"]
    eventually(
        lambda: docdb.describe_db_clusters(DBClusterIdentifier="restored")["DBClusters"][0]["Status"] == "available"
    )
    docdb.create_db_instance(
        DBInstanceIdentifier="restored-0",
        DBClusterIdentifier="restored",
        Engine="docdb",
        DBInstanceClass="db.r6g.large",
    )
    docdb.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="restored-0", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    code, line = _run_checksum(shop, endpoint)
    assert (code, line["count"]) == (0, 2), "the shop's first write and the first of this test"
    assert line["sha256"] == digest(["restore 1", "start 1"])
    assert shop.get("/api/checksum").json()["count"] == 3


def _run_checksum(shop: Shop, endpoint: str, command: str = "checksum") -> tuple[int, dict[str, Any]]:
    ecs = shop.clients("ecs")
    override = {
        "name": "app",
        "command": [command],
        "environment": [{"name": "DATABASE_HOST", "value": endpoint}],
    }
    task = ecs.run_task(
        cluster="shop",
        taskDefinition="shop",
        launchType="FARGATE",
        networkConfiguration=shop.vpc_configuration,
        overrides={"containerOverrides": [override]},
    )["tasks"][0]["taskArn"]
    stopped = eventually(
        lambda: [
            each
            for each in ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"]
            if each["lastStatus"] == "STOPPED"
        ]
    )
    stream = f"app/app/{task.rpartition('/')[2]}"
    events = shop.clients("logs").get_log_events(logGroupName="/shop", logStreamName=stream)["events"]
    return stopped[0]["containers"][0]["exitCode"], json.loads(events[0]["message"])


def test_a_command_that_fails_says_so_by_its_exit_code(shop: Shop) -> None:
    """No such command is 127; no such database is 1."""
    assert _run_checksum(shop, shop.endpoint, "migrate")[0] == 127
    assert _run_checksum(shop, "nowhere.docdb.amazonaws.com")[0] == 1


def test_a_task_with_the_old_password_is_refused(shop: Shop) -> None:
    """Connections that are open live on; a new task needs the new password, which the secret must have."""
    docdb, ecs = shop.clients("docdb"), shop.clients("ecs")
    docdb.modify_db_cluster(
        DBClusterIdentifier="shop", MasterUserPassword="another-horse-battery", ApplyImmediately=True
    )
    eventually(lambda: docdb.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["Status"] == "available")
    assert shop.write("rotation", 1) == 201
    ecs.update_service(cluster="shop", service="shop", forceNewDeployment=True)
    eventually(lambda: shop.write("rotation", 2) == 500)
    with shop.door.client(DOMAIN) as client:
        assert client.get("/api/version").status_code == 200
    content = json.dumps({"username": "shopadmin", "password": "another-horse-battery"})
    shop.clients("secretsmanager").put_secret_value(SecretId="shop/docdb", SecretString=content)
    ecs.update_service(cluster="shop", service="shop", forceNewDeployment=True)
    eventually(lambda: [shop.write("rotation", 3) for _ in range(6)] == [201] * 6)
