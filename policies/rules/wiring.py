"""What belongs together and must be there, decided from the links between resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import Props
from policies.documents import Statement, document, listed, statements
from policies.graph import Stack, known, undecided
from policies.rule import (
    CHECKOV,
    CIS_5,
    CIS_7,
    FSBP,
    SECURITY_HUB,
    UNKNOWN,
    WELL_ARCHITECTED,
    Absent,
    Example,
    Node,
    ResourceRule,
    Severity,
    StackRule,
)
from policies.tokens import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS_BLOCK,
    BUCKET_VERSIONING,
    DOCDB_CLUSTER,
    DOCDB_PARAMETER_GROUP,
    VPC,
    VPC_ENDPOINT,
    Tokens,
)

ENDPOINT_SERVICES = ("s3", "logs", "ecr.api", "ecr.dkr", "secretsmanager")


def _endpoints(vpc: PolicyResource, stack: Stack) -> Iterator[str]:
    names = [str(endpoint.props.get("serviceName")) for endpoint in stack.users(vpc, "vpcId", VPC_ENDPOINT)]
    for service in ENDPOINT_SERVICES:
        if not any(name.endswith(f".{service}") for name in names):
            yield f"the VPC has no endpoint for {service}"


def _with_endpoints(*services: str, name: str = "com.amazonaws.eu-central-1.") -> Example:
    endpoints = (
        Node(VPC_ENDPOINT[0], service, {"serviceName": f"{name}{service}"}, {"vpcId": ["vpc"]}) for service in services
    )
    return (Node(VPC[0], "vpc"), *endpoints)


VPC_ENDPOINTS = StackRule(
    id="vpc-endpoints-present",
    title="What tasks need of AWS is reached without leaving the network",
    why="Images, logs and secrets would cross the NAT gateway: dearer, and an outage when the way out is lost.",
    severity=Severity.MEDIUM,
    on=VPC,
    keys=("serviceName", "vpcId"),
    absent=Absent(means="every call leaves through the NAT gateway"),
    fix="Build prod_infra.network.vpc_endpoints.VpcEndpoints for the VPC.",
    controls={FSBP: ("EC2.55", "EC2.56"), WELL_ARCHITECTED: ("SEC05-BP02",)},
    check=_endpoints,
    passes=(_with_endpoints(*ENDPOINT_SERVICES),),
    fails=tuple(
        _with_endpoints(*(service for service in ENDPOINT_SERVICES if service != missing))
        for missing in ENDPOINT_SERVICES
    ),
    lacks=_with_endpoints(),
    unknown=(Node(VPC[0], "vpc"), Node(VPC_ENDPOINT[0], "e", {"serviceName": UNKNOWN}, {"vpcId": ["vpc"]})),
)


def _own_parameters(cluster: PolicyResource, stack: Stack) -> Iterator[str]:
    key = "dbClusterParameterGroupName"
    if stack.used(cluster, key, DOCDB_PARAMETER_GROUP):
        return
    name = known(cluster, key)
    if name is not None and not str(name).startswith("default."):
        undecided(cluster, key)
    yield f"{key} names no parameter group of this stack; the default one allows TLS 1.0 and audits nothing"


DOCDB_OWN_PARAMETERS = StackRule(
    id="docdb-own-parameter-group",
    title="DocumentDB uses a parameter group of the stack",
    why="The default group allows TLS 1.0 and writes no audit log, and can't be changed.",
    severity=Severity.HIGH,
    on=DOCDB_CLUSTER,
    keys=("dbClusterParameterGroupName",),
    absent=Absent(means="AWS uses the default group"),
    fix="Leave the parameter group to prod_infra.data.docdb.",
    controls={FSBP: ("DocumentDB.4", "DocumentDB.6"), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_own_parameters,
    passes=(
        (
            Node(DOCDB_PARAMETER_GROUP[0], "group"),
            Node(DOCDB_CLUSTER[0], "db", {}, {"dbClusterParameterGroupName": ["group"]}),
        ),
    ),
    fails=((Node(DOCDB_CLUSTER[0], "db", {"dbClusterParameterGroupName": "default.docdb5.0"}),),),
    lacks=(Node(DOCDB_CLUSTER[0], "db"),),
    unknown=(Node(DOCDB_CLUSTER[0], "db", {"dbClusterParameterGroupName": "made-elsewhere"}),),
)


def _inline_versioned(bucket: PolicyResource) -> bool:
    versioning = known(bucket, "versioning")
    return bool(versioning) and versioning.get("enabled") is True


def _inline_encrypted(bucket: PolicyResource) -> bool:
    return bool(known(bucket, "serverSideEncryptionConfiguration"))


def _never(_: PolicyResource) -> bool:
    return False


def _attached(
    tokens: Tokens, what: str, inline: Callable[[PolicyResource], bool] = _never
) -> Callable[[PolicyResource, Stack], Iterator[str]]:
    """Return the check that a resource of `tokens` is made for the bucket, or that the bucket says so itself."""

    def check(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
        if stack.users(bucket, "bucket", tokens) or inline(bucket):
            return
        # One that names its bucket by a plain string may mean this one.
        for other in stack.of(tokens):
            if not other.property_dependencies.get("bucket"):
                undecided(other, "bucket")
        yield f"no {what} is made for the bucket"

    return check


def _with(token: str, **props: Any) -> Example:
    return (Node(BUCKET[0], "bucket"), Node(token, "it", props, {"bucket": ["bucket"]}))


def _companion(token: str) -> dict[str, Any]:
    return {
        "on": BUCKET,
        "keys": ("bucket",),
        "passes": (_with(token),),
        "fails": ((Node(BUCKET[0], "bucket"), *_with(token)[1:], Node(BUCKET[1], "another")),),
        "lacks": (Node(BUCKET[0], "bucket"),),
        "unknown": (Node(BUCKET[0], "bucket"), Node(token, "it", {"bucket": "by-name"})),
        "fix": "Make the bucket with prod_infra.edge.s3_site or s3_images, or make this resource for it.",
    }


BUCKET_HAS_PUBLIC_ACCESS_BLOCK = StackRule(
    id="s3-has-public-access-block",
    title="Every bucket has a public access block",
    why="One mistaken policy or ACL would open the bucket to anyone.",
    severity=Severity.HIGH,
    absent=Absent(means="AWS blocks a new bucket, and anyone may unblock it without this stack noticing"),
    controls={
        FSBP: ("S3.8",),
        CIS_5: ("2.1.4",),
        CIS_7: ("3.1.4",),
        CHECKOV: ("CKV2_AWS_6",),
        WELL_ARCHITECTED: ("SEC03-BP07",),
    },
    check=_attached(BUCKET_PUBLIC_ACCESS_BLOCK, "BucketPublicAccessBlock"),
    **_companion(BUCKET_PUBLIC_ACCESS_BLOCK[0]),
)

BUCKET_HAS_VERSIONING = StackRule(
    id="s3-has-versioning",
    title="Every bucket is versioned",
    why="An overwritten or deleted object would be lost.",
    severity=Severity.MEDIUM,
    absent=Absent(means="AWS keeps no versions"),
    controls={SECURITY_HUB: ("S3.14",), CHECKOV: ("CKV_AWS_21",), WELL_ARCHITECTED: ("SEC08-BP04",)},
    check=_attached(BUCKET_VERSIONING, "BucketVersioning", _inline_versioned),
    **_companion(BUCKET_VERSIONING[0]),
)

BUCKET_HAS_ENCRYPTION = StackRule(
    id="s3-has-encryption",
    title="Every bucket says how it encrypts",
    why="What an auditor can't see configured, he has to assume missing.",
    severity=Severity.MEDIUM,
    absent=Absent(means="AWS encrypts with its own key, and nothing says so"),
    controls={SECURITY_HUB: ("S3.17",), CHECKOV: ("CKV_AWS_19",), WELL_ARCHITECTED: ("SEC08-BP02",)},
    check=_attached(BUCKET_ENCRYPTION, "BucketServerSideEncryptionConfiguration", _inline_encrypted),
    **_companion(BUCKET_ENCRYPTION[0]),
)


def _denies_plain_http(statement: Statement) -> bool:
    # Any further condition would let some come without TLS; the bucket's own ARN and its objects' are two things.
    condition = json.dumps(statement.get("Condition")).lower()
    resources = [str(resource) for resource in listed(statement.get("Resource"))]
    objects = [resource for resource in resources if resource.endswith("*")]
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and any(action in ("s3:*", "*") for action in listed(statement.get("Action")))
        and condition in _WITHOUT_TLS
        and bool(objects)
        and ("*" in objects or len(objects) < len(resources))
    )


_WITHOUT_TLS = [json.dumps({"bool": {"aws:securetransport": value}}) for value in (False, "false", ["false"], [False])]


def _tls_only(props: Props) -> Iterator[str]:
    if not any(_denies_plain_http(statement) for statement in statements(props.get("policy"))):
        yield "policy doesn't deny s3:* on bucket and objects to everyone who comes without aws:SecureTransport"


def _policy(effect: str = "Deny", transport: str = "false", **other: Any) -> Mapping[str, Any]:
    condition = {"Bool": {"aws:SecureTransport": transport}}
    both = ["arn:aws:s3:::one", "arn:aws:s3:::one/*"]
    parts = {"Principal": "*", "Action": "s3:*", "Resource": both, "Condition": condition, **other}
    return document(Effect=effect, **parts)


_TLS: dict[str, Any] = {
    "severity": Severity.HIGH,
    "why": "Objects, and the signatures that open them, could be read on the way.",
    "absent": Absent(means="AWS also answers plain HTTP"),
    "controls": {
        FSBP: ("S3.5",),
        CIS_5: ("2.1.1",),
        CIS_7: ("3.1.1",),
        CHECKOV: ("CKV_AWS_379",),
        WELL_ARCHITECTED: ("SEC09-BP02",),
    },
}

BUCKET_HAS_POLICY = StackRule(
    id="s3-has-policy",
    title="Every bucket has a policy, which can refuse plain HTTP",
    check=_attached(BUCKET_POLICY, "BucketPolicy"),
    **_TLS,
    **_companion(BUCKET_POLICY[0]),
)

BUCKET_POLICY_TLS_ONLY = ResourceRule(
    id="s3-policy-tls-only",
    title="A bucket's policy refuses whoever comes without TLS",
    on=BUCKET_POLICY,
    keys=("policy",),
    fix="Deny s3:* where aws:SecureTransport is false, as the bucket policies of prod_infra.edge.cdn do.",
    deferred="the policy names what AWS has yet to number, such as a distribution; `up` decides before it attaches it",
    check=_tls_only,
    passes=(_policy(), _policy(Action=["s3:*"], Principal={"AWS": "*"}), _policy(Resource="*")),
    fails=(
        _policy(effect="Allow"),
        _policy(transport="true"),
        _policy(Action="s3:GetObject"),
        _policy(Resource="arn:aws:s3:::one/*"),
        _policy(Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalAccount": "1"}}),
    ),
    **_TLS,
)

RULES = (
    VPC_ENDPOINTS,
    DOCDB_OWN_PARAMETERS,
    BUCKET_HAS_PUBLIC_ACCESS_BLOCK,
    BUCKET_HAS_VERSIONING,
    BUCKET_HAS_ENCRYPTION,
    BUCKET_HAS_POLICY,
    BUCKET_POLICY_TLS_ONLY,
)
