"""What `GET /_prod_infra/topology` says: everything that decides how a request is answered."""

from __future__ import annotations

from typing import Any, TypedDict


class Origin(TypedDict):
    """An origin of a distribution. `bucket` is empty for any but S3; `signed`: CloudFront signs its requests (OAC)."""

    domain: str
    path: str
    bucket: str
    signed: bool
    headers: dict[str, str]
    protocol: str
    http_port: int
    https_port: int


class Behaviour(TypedDict):
    """A cache behaviour; `function` is the SHA-256 of its viewer-request function's code, `""` without one."""

    pattern: str
    origin: str
    viewer_protocol: str
    methods: list[str]
    function: str
    headers_policy: str


class Distribution(TypedDict):
    """An enabled distribution. `behaviours` are in order of precedence, the default (`*`) last."""

    id: str
    arn: str
    domain: str
    aliases: list[str]
    certificate: str
    default_root: str
    origins: dict[str, Origin]
    behaviours: list[Behaviour]


class Rule(TypedDict):
    """A listener's rule with ELBv2's own conditions and actions; the default rule has no condition."""

    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]


class Listener(TypedDict):
    """A listener; `rules` are in order of priority, the default rule last; `certificates` are ARNs, default first."""

    port: int
    protocol: str
    certificates: list[str]
    rules: list[Rule]


class Balancer(TypedDict):
    """A load balancer; `away` is the zone that a zonal shift leads away from, if any."""

    arn: str
    dns_name: str
    zones: list[str]
    away: str | None
    listeners: list[Listener]


class Target(TypedDict):
    """A target; `state` is describe_target_health's."""

    ip: str
    state: str


class TargetGroup(TypedDict):
    """A target group; `cross_zone`: a node sends requests to targets of other zones, too."""

    cross_zone: bool
    targets: list[Target]


class Task(TypedDict):
    """A task that has not stopped.

    `revision` is `family:revision`; `serving`: its process runs in a zone that is there; `fails`: a fault lets it
    answer 500; `secrets` says where each secret variable is from, never its value; `command` is what run_task was given
    for it, else empty; `log` are the options of the awslogs driver.
    """

    id: str
    arn: str
    region: str
    revision: str
    az: str
    ip: str
    serving: bool
    running: bool
    fails: bool
    environment: dict[str, str]
    secrets: dict[str, str]
    command: list[str]
    container: str
    log: dict[str, str]


class Cluster(TypedDict):
    """A DocumentDB cluster.

    `resource` never names another one, even after it is deleted; `writer` is an instance's id or None; `source` is the
    cluster whose data it was restored from, as it was at `restored_to`, epoch seconds.
    """

    id: str
    resource: str
    endpoint: str
    writer: str | None
    source: str | None
    restored_to: float | None


class Topology(TypedDict):
    """Everything. Keys of `certificates`, `buckets` and `target_groups` are ARNs, names and ARNs.

    `factor` is AWS's seconds in one second here; `names` are public DNS names with what they lead to.
    """

    factor: float
    names: dict[str, str]
    certificates: dict[str, list[str]]
    distributions: list[Distribution]
    buckets: dict[str, dict[str, Any] | None]
    balancers: list[Balancer]
    target_groups: dict[str, TargetGroup]
    tasks: list[Task]
    clusters: list[Cluster]
    lost_zones: list[str]
