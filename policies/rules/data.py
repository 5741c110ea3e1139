"""The database and the secrets: backed up, encrypted, kept, changed only when it may be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from policies.checks import Check, Props, all_of, any_of, at_least, equals, given, holds_all, starts_with
from policies.graph import items
from policies.rule import CHECKOV, FSBP, WELL_ARCHITECTED, Absent, ResourceRule, Severity, Threshold
from policies.tokens import DOCDB_CLUSTER, DOCDB_INSTANCE, DOCDB_PARAMETER_GROUP, SECRET

MIN_RETENTION_DAYS = 14
PROD_PREFIX = "prod/"

_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
_DAILY = re.compile(f"{_TIME}-{_TIME}")
_WEEKLY = re.compile(f"(mon|tue|wed|thu|fri|sat|sun):{_TIME}-(mon|tue|wed|thu|fri|sat|sun):{_TIME}", re.IGNORECASE)
_MINUTES_A_DAY = 24 * 60


def _minutes(hours: str, minutes: str) -> int:
    return int(hours) * 60 + int(minutes)


def _spans(start: int, end: int) -> list[tuple[int, int]]:
    return [(start, end)] if start <= end else [(start, _MINUTES_A_DAY), (0, end)]


def _windows(props: Props) -> Iterator[str]:
    backup, maintenance = props.get("preferredBackupWindow"), props.get("preferredMaintenanceWindow")
    daily, weekly = _DAILY.fullmatch(str(backup)), _WEEKLY.fullmatch(str(maintenance))
    if daily is None:
        yield "preferredBackupWindow must be given, as hh:mm-hh:mm in UTC"
    if weekly is None:
        yield "preferredMaintenanceWindow must be given, as ddd:hh:mm-ddd:hh:mm in UTC"
    if daily is None or weekly is None:
        return
    backups = _spans(_minutes(*daily.group(1, 2)), _minutes(*daily.group(3, 4)))
    maintained = _spans(_minutes(*weekly.group(2, 3)), _minutes(*weekly.group(5, 6)))
    if any(start < end2 and start2 < end for start, end in backups for start2, end2 in maintained):
        yield "preferredBackupWindow overlaps preferredMaintenanceWindow; AWS refuses that, and says so late"


def _instance_window(props: Props) -> Iterator[str]:
    if _WEEKLY.fullmatch(str(props.get("preferredMaintenanceWindow"))) is None:
        yield "preferredMaintenanceWindow must be given, as ddd:hh:mm-ddd:hh:mm in UTC"


def parameter(name: str, allowed: Collection[str]) -> Check:
    """Return the check that a parameter group sets the parameter `name` to one of `allowed`."""

    def check(props: Props) -> Iterator[str]:
        values = [item.get("value") for item in items(props.get("parameters")) if item.get("name") == name]
        if not values:
            yield f"parameters doesn't set {name}; it must be {' or '.join(allowed)}"
        elif any(value not in allowed for value in values):
            yield f"parameters sets {name} to something else; it must be {' or '.join(allowed)}"

    return check


def _parameters(**values: str) -> dict[str, Any]:
    good = {"tls": "tls1.2+", "audit_logs": "enabled", "profiler": "enabled"}
    return {"parameters": [{"name": name, "value": value} for name, value in {**good, **values}.items() if value]}


def _final_snapshot(props: Props) -> Iterator[str]:
    yield from equals("skipFinalSnapshot", expected=False, absent_ok=True)(props)
    if not given(props, "finalSnapshotIdentifier"):
        yield "finalSnapshotIdentifier is absent; it must be given"


DOCDB_BACKUPS = ResourceRule(
    id="docdb-backup-retention",
    title=f"DocumentDB keeps backups for {MIN_RETENTION_DAYS} days or more",
    why="Damage that is noticed later than that can't be undone.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("backupRetentionPeriod",),
    absent=Absent(means="AWS keeps them for one day"),
    fix=f"Keep Settings.backup_retention_period at {MIN_RETENTION_DAYS} or more.",
    controls={FSBP: ("DocumentDB.2",), CHECKOV: ("CKV_AWS_360",), WELL_ARCHITECTED: ("REL09-BP03",)},
    check=at_least("backupRetentionPeriod", MIN_RETENTION_DAYS),
    threshold=Threshold(
        name="minimumDays", floor=MIN_RETENTION_DAYS, check=lambda days: at_least("backupRetentionPeriod", days)
    ),
    passes=({"backupRetentionPeriod": 14}, {"backupRetentionPeriod": 35}),
    fails=({"backupRetentionPeriod": 13}, {"backupRetentionPeriod": 1}),
)

DOCDB_ENCRYPTED = ResourceRule(
    id="docdb-encrypted",
    title="DocumentDB is encrypted at rest",
    why="It can't be turned on later: the cluster would have to be made anew.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("storageEncrypted",),
    absent=Absent(means="AWS stores it in the clear"),
    fix="Keep storage_encrypted=True, as prod_infra.data.docdb.DocDb does.",
    controls={FSBP: ("DocumentDB.1",), CHECKOV: ("CKV_AWS_74",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    check=equals("storageEncrypted", expected=True),
    passes=({"storageEncrypted": True},),
    fails=({"storageEncrypted": False},),
)

DOCDB_LOGS = ResourceRule(
    id="docdb-log-exports",
    title="DocumentDB sends its audit and profiler logs to CloudWatch",
    why="Nobody could say who did what, or what made it slow.",
    severity=Severity.MEDIUM,
    on=DOCDB_CLUSTER,
    keys=("enabledCloudwatchLogsExports",),
    absent=Absent(means="AWS sends none"),
    fix="Keep both audit and profiler in Settings.enabled_cloudwatch_logs_exports.",
    controls={FSBP: ("DocumentDB.4",), CHECKOV: ("CKV_AWS_85",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=holds_all("enabledCloudwatchLogsExports", ("audit", "profiler")),
    passes=({"enabledCloudwatchLogsExports": ["audit", "profiler"]},),
    fails=(
        {"enabledCloudwatchLogsExports": ["audit"]},
        {"enabledCloudwatchLogsExports": ["profiler"]},
        {"enabledCloudwatchLogsExports": []},
    ),
)

DOCDB_DELETION_PROTECTION = ResourceRule(
    id="docdb-deletion-protection",
    title="DocumentDB can't be deleted by one call",
    why="A mistaken destroy would take the customers' data.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("deletionProtection",),
    absent=Absent(means="AWS lets anyone with the permission delete it"),
    fix="Keep deletion_protection=True, as prod_infra.data.docdb.DocDb does.",
    controls={FSBP: ("DocumentDB.5",), WELL_ARCHITECTED: ("REL09-BP01",)},
    check=equals("deletionProtection", expected=True),
    passes=({"deletionProtection": True},),
    fails=({"deletionProtection": False},),
)

DOCDB_FINAL_SNAPSHOT = ResourceRule(
    id="docdb-final-snapshot",
    title="DocumentDB leaves a last snapshot when it is deleted",
    why="Automatic backups go with the cluster.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("skipFinalSnapshot", "finalSnapshotIdentifier"),
    absent=Absent(means="AWS takes the snapshot", passes=True),
    fix="Keep skip_final_snapshot=False and a final_snapshot_identifier, as prod_infra.data.docdb.DocDb does.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=_final_snapshot,
    passes=({"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last"},),
    fails=({"skipFinalSnapshot": True},),
)

DOCDB_NOT_AT_ONCE = ResourceRule(
    id="docdb-not-applied-immediately",
    title="DocumentDB changes wait for the maintenance window",
    why="A change that restarts the writer would do so in the middle of the day.",
    severity=Severity.HIGH,
    on=(*DOCDB_CLUSTER, *DOCDB_INSTANCE),
    keys=("applyImmediately",),
    absent=Absent(means="AWS waits for the window", passes=True),
    fix="Keep Settings.apply_immediately=False.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=equals("applyImmediately", expected=False, absent_ok=True),
    passes=({"applyImmediately": False},),
    fails=({"applyImmediately": True},),
)

DOCDB_WINDOWS = ResourceRule(
    id="docdb-windows",
    title="DocumentDB is backed up and maintained at set times that don't overlap",
    why="AWS would choose them at random, in business hours too.",
    severity=Severity.MEDIUM,
    on=DOCDB_CLUSTER,
    keys=("preferredBackupWindow", "preferredMaintenanceWindow"),
    absent=Absent(means="AWS chooses at random"),
    fix="Keep Settings.preferred_backup_window and preferred_maintenance_window: 03:00-04:00 and sun:04:00-sun:05:00.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=_windows,
    passes=(
        {"preferredBackupWindow": "03:00-04:00", "preferredMaintenanceWindow": "sun:04:00-sun:05:00"},
        {"preferredBackupWindow": "23:30-00:30", "preferredMaintenanceWindow": "Sun:04:00-Sun:05:00"},
    ),
    fails=(
        {"preferredBackupWindow": "04:30-05:30"},
        {"preferredMaintenanceWindow": "sat:23:30-sun:03:30"},
        {"preferredMaintenanceWindow": None},
        {"preferredBackupWindow": "3-4"},
    ),
)

DOCDB_INSTANCE_WINDOW = ResourceRule(
    id="docdb-instance-window",
    title="A DocumentDB instance is maintained at a set time",
    why="An instance has a window of its own, which AWS would choose at random.",
    severity=Severity.MEDIUM,
    on=DOCDB_INSTANCE,
    keys=("preferredMaintenanceWindow",),
    absent=Absent(means="AWS chooses at random"),
    fix="Keep Settings.preferred_maintenance_window, which the instances follow.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=_instance_window,
    passes=({"preferredMaintenanceWindow": "sun:04:00-sun:05:00"},),
    fails=({"preferredMaintenanceWindow": "sunday"},),
)

DOCDB_TLS = ResourceRule(
    id="docdb-tls",
    title="DocumentDB accepts TLS 1.2 or newer only",
    why="enabled, the default, still accepts TLS 1.0; disabled accepts passwords in the clear.",
    severity=Severity.HIGH,
    on=DOCDB_PARAMETER_GROUP,
    keys=("parameters",),
    absent=Absent(means="AWS also accepts TLS 1.0 and 1.1"),
    fix="Set the parameter tls to tls1.2+, as prod_infra.data.docdb.DocDb does.",
    controls={FSBP: ("DocumentDB.6",), CHECKOV: ("CKV_AWS_90",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=parameter("tls", ("tls1.2+", "tls1.3+", "fips-140-3")),
    passes=(_parameters(), _parameters(tls="tls1.3+")),
    fails=(_parameters(tls="enabled"), _parameters(tls="disabled"), _parameters(tls="")),
)

DOCDB_AUDIT = ResourceRule(
    id="docdb-audit-parameters",
    title="DocumentDB writes the audit and profiler logs that it exports",
    why="Exporting a log that nobody writes looks like an audit trail and is none.",
    severity=Severity.MEDIUM,
    on=DOCDB_PARAMETER_GROUP,
    keys=("parameters",),
    absent=Absent(means="AWS writes neither"),
    fix="Set the parameters audit_logs and profiler to enabled, as prod_infra.data.docdb.DocDb does.",
    controls={FSBP: ("DocumentDB.4",), CHECKOV: ("CKV_AWS_104",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=all_of(parameter("audit_logs", ("enabled", "all")), parameter("profiler", ("enabled",))),
    passes=(_parameters(), _parameters(audit_logs="all")),
    fails=(_parameters(audit_logs="disabled"), _parameters(profiler="disabled"), _parameters(audit_logs="")),
)

SECRET_FROM_PROD = ResourceRule(
    id="secret-under-prod",
    title=f"A secret's name starts with {PROD_PREFIX}",
    why="Roles may read prod/ alone: by its name a secret of another environment can't be used here, nor ours there.",
    severity=Severity.HIGH,
    on=SECRET,
    keys=("name", "namePrefix"),
    absent=Absent(means="the provider makes up a name without a prefix"),
    fix="Name it prod/…, as prod_infra.data.app_secrets and docdb do.",
    controls={WELL_ARCHITECTED: ("SEC03-BP02",)},
    check=any_of(starts_with("name", PROD_PREFIX), starts_with("namePrefix", PROD_PREFIX)),
    passes=({"name": "prod/docdb/master_password"}, {"namePrefix": "prod/app-"}),
    fails=({"name": "dev/docdb/master_password"}, {"name": "production/x"}),
)

RULES = (
    DOCDB_BACKUPS,
    DOCDB_ENCRYPTED,
    DOCDB_LOGS,
    DOCDB_DELETION_PROTECTION,
    DOCDB_FINAL_SNAPSHOT,
    DOCDB_NOT_AT_ONCE,
    DOCDB_WINDOWS,
    DOCDB_INSTANCE_WINDOW,
    DOCDB_TLS,
    DOCDB_AUDIT,
    SECRET_FROM_PROD,
)
