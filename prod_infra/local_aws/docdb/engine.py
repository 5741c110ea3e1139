"""Amazon DocumentDB: moto refuses `Engine="docdb"`, so its RDS backend gets the engine here.

Follows the DocumentDB API reference, https://docs.aws.amazon.com/documentdb/latest/developerguide/api-reference.html,
and its developer guide for defaults. DocumentDB signs as `rds` and speaks the same query protocol, so moto's RDS
responses parse and answer the calls. What is done for each call is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.rds import utils

from prod_infra.local_aws import admin
from prod_infra.local_aws.docdb import catalogue as docdb_catalogue
from prod_infra.local_aws.docdb import cluster as docdb_cluster
from prod_infra.local_aws.docdb import events as docdb_events
from prod_infra.local_aws.docdb import failover as docdb_failover
from prod_infra.local_aws.docdb import instance as docdb_instance
from prod_infra.local_aws.docdb import restore as docdb_restore
from prod_infra.local_aws.docdb import snapshots as docdb_snapshots
from prod_infra.local_aws.docdb.failover import writer
from prod_infra.local_aws.docdb.model import ENGINE, clusters
from prod_infra.local_aws.patches import around

__all__ = ["clusters", "register", "writer"]


@admin.route("POST /docdb/login")
def _login(given: Mapping[str, Any]) -> dict[str, bool]:
    """Say whether a user may enter a cluster with a password; neither is ever repeated."""
    if missing := [name for name in ("cluster", "user", "password") if not isinstance(given.get(name), str)]:
        raise admin.AdminError(f"{', '.join(missing)} must be given, as text")
    cluster = next((each for each in clusters() if each.db_cluster_identifier == given["cluster"].lower()), None)
    if cluster is None:
        raise admin.AdminError("there is no DocumentDB cluster of that name")
    known = given["user"] == cluster.master_username
    return {"accepted": known and cluster.passwords[-1].matches(given["password"])}


def register() -> None:
    """Teach moto's RDS backend the `docdb` engine."""
    for engines, listing in (
        (utils.ClusterEngine, "list_cluster_engines"),
        (utils.DbInstanceEngine, "valid_db_instance_engine"),
    ):
        around(engines, listing)(lambda original: [*original(), ENGINE])
    for module in (
        docdb_catalogue,
        docdb_cluster,
        docdb_events,
        docdb_failover,
        docdb_instance,
        docdb_restore,
        docdb_snapshots,
    ):
        module.register()
