"""DocumentDB's versions, classes and certificates."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from policies.checks import equals, number, one_of, satisfies
from policies.graph import Stack, known, undecided
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Node, ResourceRule, Severity, StackRule
from policies.tokens import DOCDB_CLUSTER, DOCDB_INSTANCE

MIN_ENGINE = 5
_CA = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")

DOCDB_CA = ResourceRule(
    id="docdb-current-ca",
    title="A DocumentDB instance's certificate is of a current authority",
    why="rds-ca-2019 expired in 2024: clients that check it can't connect.",
    severity=Severity.HIGH,
    on=DOCDB_INSTANCE,
    keys=("caCertIdentifier",),
    absent=Absent(means="AWS takes rds-ca-rsa2048-g1", passes=True),
    fix="Leave ca_cert_identifier out, as prod_infra.data.docdb does.",
    controls={WELL_ARCHITECTED: ("SEC09-BP01",)},
    check=one_of("caCertIdentifier", _CA, absent_ok=True),
    passes=({"caCertIdentifier": "rds-ca-rsa2048-g1"}, {}),
    fails=({"caCertIdentifier": "rds-ca-2019"},),
)

DOCDB_CLASS = ResourceRule(
    id="docdb-instance-class",
    title="A DocumentDB instance is of a class for production",
    why="db.t3 and db.t4g run on CPU credits: when they are used up the database crawls.",
    severity=Severity.MEDIUM,
    on=DOCDB_INSTANCE,
    keys=("instanceClass",),
    absent=Absent(means="AWS refuses an instance without one, and says so late"),
    fix="Keep Settings.instance_class at db.r6g.large or above.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=satisfies("instanceClass", lambda name: not str(name).startswith("db.t"), "be none of db.t3 and db.t4g"),
    passes=({"instanceClass": "db.r6g.large"},),
    fails=({"instanceClass": "db.t3.medium"}, {"instanceClass": "db.t4g.medium"}),
)

DOCDB_MINOR = ResourceRule(
    id="docdb-minor-upgrades",
    title="A DocumentDB instance takes minor upgrades",
    why="Patches come with them. DocumentDB does so today whatever is set; what it may heed one day must not be off.",
    severity=Severity.LOW,
    on=DOCDB_INSTANCE,
    keys=("autoMinorVersionUpgrade",),
    absent=Absent(means="AWS takes them", passes=True),
    fix="Keep auto_minor_version_upgrade=True, as prod_infra.data.docdb does.",
    controls={WELL_ARCHITECTED: ("SEC06-BP01",)},
    check=equals("autoMinorVersionUpgrade", expected=True, absent_ok=True),
    passes=({"autoMinorVersionUpgrade": True},),
    fails=({"autoMinorVersionUpgrade": False},),
)

DOCDB_ENGINE = ResourceRule(
    id="docdb-engine-version",
    title="DocumentDB runs version 5 or newer",
    why="The oldest versions lose support first, and an upgrade in need is an upgrade in haste.",
    severity=Severity.MEDIUM,
    on=DOCDB_CLUSTER,
    keys=("engineVersion",),
    absent=Absent(means="AWS takes its current default", passes=True),
    fix="Keep engine_version=5.0.0 or newer, as prod_infra.data.docdb does.",
    controls={WELL_ARCHITECTED: ("SEC06-BP01",)},
    check=satisfies(
        "engineVersion",
        lambda text: (number(str(text).partition(".")[0]) or 0) >= MIN_ENGINE,
        "be 5 or newer",
        absent_ok=True,
    ),
    passes=({"engineVersion": "5.0.0"}, {"engineVersion": "8.0.0"}),
    fails=({"engineVersion": "3.6.0"}, {"engineVersion": "4.0.0"}),
)

_PASSWORD = ("random:index/randomPassword:RandomPassword",)


def _generated(cluster: PolicyResource, stack: Stack) -> Iterator[str]:
    if known(cluster, "manageMasterUserPassword") is True or stack.used(cluster, "masterPassword", _PASSWORD):
        return
    if cluster.property_dependencies.get("masterPassword"):
        undecided(cluster, "masterPassword")
    if known(cluster, "masterPassword"):
        yield "masterPassword is written into the program; it must be generated"


DOCDB_GENERATED_PASSWORD = StackRule(
    id="docdb-generated-password",
    title="DocumentDB's password is generated, and nobody has ever seen it",
    why="One that is written down somewhere is found there, and is often used elsewhere too.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("masterPassword", "manageMasterUserPassword"),
    absent=Absent(means="AWS generates it, or takes the snapshot's", passes=True),
    fix="Leave the password to prod_infra.data.docdb.",
    controls={WELL_ARCHITECTED: ("SEC02-BP03",)},
    check=_generated,
    passes=(
        (
            Node(_PASSWORD[0], "password"),
            Node(DOCDB_CLUSTER[0], "db", {"masterPassword": UNKNOWN}, {"masterPassword": ["password"]}),
        ),
        (Node(DOCDB_CLUSTER[0], "db", {"manageMasterUserPassword": True}),),
    ),
    fails=((Node(DOCDB_CLUSTER[0], "db", {"masterPassword": "written-down"}),),),
    lacks=(Node(DOCDB_CLUSTER[0], "db"),),
    unknown=(
        Node("aws:ssm/parameter:Parameter", "elsewhere"),
        Node(DOCDB_CLUSTER[0], "db", {"masterPassword": UNKNOWN}, {"masterPassword": ["elsewhere"]}),
    ),
)

RULES = (DOCDB_GENERATED_PASSWORD, DOCDB_CA, DOCDB_CLASS, DOCDB_MINOR, DOCDB_ENGINE)
