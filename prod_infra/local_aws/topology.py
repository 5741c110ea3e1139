"""What the data plane must know of the control plane, in one answer: `GET /_prod_infra/topology`.

It is asked some 20 times a second, so an asker that names the `version` it has gets no more than `unchanged`. Here too:
the data plane's word that a one-off task has ended, `POST /_prod_infra/ecs/task-stopped`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.acm.models import acm_backends
from moto.cloudfront.models import cloudfront_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends
from moto.route53.models import route53_backends
from moto.s3.models import s3_backends

from prod_infra.local_aws import ACCOUNT_ID, admin, arc_zonal_shift, elbv2
from prod_infra.local_aws.cloudfront.config import items
from prod_infra.local_aws.data_plane import spawn
from prod_infra.local_aws.data_plane.shape import (
    Balancer,
    Behaviour,
    Cluster,
    Distribution,
    Listener,
    Origin,
    Rule,
    Target,
    TargetGroup,
    Task,
    Topology,
)
from prod_infra.local_aws.docdb import engine as docdb
from prod_infra.local_aws.ecs import task_life as ecs_task_life
from prod_infra.local_aws.ecs import tasks as ecs_tasks
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.timeline import TIMELINE

PARTITION: Final = "aws"
BUCKET: Final = re.compile(r"(.+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com")
"""Domain name of a bucket as an origin."""

DEFAULT_PRIORITY: Final = 50_001
"""After every rule: the largest priority of one is 50000 (API_CreateRule)."""


def _regional(backends: Any) -> list[Any]:
    """Return moto's backends of a service, one a region that was used."""
    return list(backends[ACCOUNT_ID].values())


def _names() -> dict[str, str]:
    """Return where the address and alias records of public zones lead."""
    found: dict[str, str] = {}
    for zone in route53_backends[ACCOUNT_ID][PARTITION].zones.values():
        for record in () if zone.private_zone else zone.rrsets:
            if record.type in ("A", "AAAA", "CNAME"):
                to = record.alias_target["DNSName"] if record.alias_target else (record.records or [""])[0]
                found[record.name.rstrip(".").lower()] = str(to).rstrip(".").lower().removeprefix("dualstack.")
    return found


def _certificates() -> dict[str, list[str]]:
    """Return the names that each issued certificate covers, by its ARN."""
    found: dict[str, list[str]] = {}
    for backend in _regional(acm_backends):
        for arn, bundle in backend._certificates.items():
            # It may have been proven since anyone looked.
            bundle.check()
            if bundle.status == "ISSUED":
                found[arn] = list(bundle.sans)
    return found


def _origin(backend: Any, given: Mapping[str, Any]) -> Origin:
    control = backend.origin_access_controls.get(given["OriginAccessControlId"])
    custom = given.get("CustomOriginConfig") or {}
    bucket = None if custom else BUCKET.fullmatch(given["DomainName"])
    return {
        "domain": given["DomainName"].lower(),
        "path": given["OriginPath"],
        "bucket": bucket[1] if bucket else "",
        "signed": control is not None and control.signing_behavior != "never",
        "headers": {each["HeaderName"]: each["HeaderValue"] for each in items(given["CustomHeaders"])},
        "protocol": custom.get("OriginProtocolPolicy", ""),
        "http_port": int(custom.get("HTTPPort") or 80),
        "https_port": int(custom.get("HTTPSPort") or 443),
    }


def _behaviour(backend: Any, given: Mapping[str, Any]) -> Behaviour:
    names = [
        each["FunctionARN"].rpartition("/")[2]
        for each in items(given["FunctionAssociations"])
        if each["EventType"] == "viewer-request"
    ]
    live = [backend.functions[name].live for name in names if name in backend.functions]
    return {
        "pattern": given.get("PathPattern") or "*",
        "origin": given["TargetOriginId"],
        "viewer_protocol": given["ViewerProtocolPolicy"],
        "methods": list(items(given["AllowedMethods"])),
        "function": hashlib.sha256(_bytes(live[0].code)).hexdigest() if live and live[0] else "",
        "headers_policy": given.get("ResponseHeadersPolicyId") or "",
    }


def _bytes(code: str | bytes) -> bytes:
    return code.encode() if isinstance(code, str) else code


def _distributions() -> list[Distribution]:
    backend = cloudfront_backends[ACCOUNT_ID][PARTITION]
    found: list[Distribution] = []
    for each in backend.distributions.values():
        config = each.distribution_config
        if not config.Enabled:
            continue
        ordered = [*items(config.CacheBehaviors), config.DefaultCacheBehavior]
        found.append(
            {
                "id": each.id,
                "arn": each.arn,
                "domain": each.domain_name.lower(),
                "aliases": [alias.lower() for alias in items(config.Aliases)],
                "certificate": config.ViewerCertificate.get("ACMCertificateArn") or "",
                "default_root": config.DefaultRootObject or "",
                "origins": {origin["Id"]: _origin(backend, origin) for origin in items(config.Origins)},
                "behaviours": [_behaviour(backend, behaviour) for behaviour in ordered],
            }
        )
    return found


def _buckets(distributions: list[Distribution]) -> dict[str, dict[str, Any] | None]:
    """Return the policy, or None, of each bucket that is an origin and exists."""
    held = s3_backends[ACCOUNT_ID][PARTITION].buckets
    names = {origin["bucket"] for each in distributions for origin in each["origins"].values()} & held.keys()
    return {name: json.loads(held[name].policy) if held[name].policy else None for name in sorted(names)}


def _rules(listener: Any) -> list[Rule]:
    ordered = sorted(
        listener.rules.values(), key=lambda rule: DEFAULT_PRIORITY if rule.is_default else int(rule.priority)
    )
    return [{"conditions": rule.conditions, "actions": [action.data for action in rule.actions]} for rule in ordered]


def _listener(listener: Any) -> Listener:
    certificates = [each["certificate_arn"] if isinstance(each, dict) else each for each in listener.certificates]
    return {
        "port": int(listener.port),
        "protocol": listener.protocol,
        "certificates": certificates,
        "rules": _rules(listener),
    }


def _balancers() -> list[Balancer]:
    return [
        {
            "arn": balancer.arn,
            "dns_name": balancer.dns_name.lower(),
            "zones": [subnet.availability_zone for subnet in balancer.subnets],
            "away": arc_zonal_shift.active(balancer.arn),
            "listeners": [_listener(listener) for listener in balancer.listeners.values()],
        }
        for backend in _regional(elbv2_backends)
        for balancer in backend.load_balancers.values()
        if balancer.type == "application"
    ]


def _target_groups() -> dict[str, TargetGroup]:
    found: dict[str, TargetGroup] = {}
    for backend in _regional(elbv2_backends):
        for arn, group in backend.target_groups.items():
            targets: list[Target] = [
                {"ip": ip, "state": state} for ip, state in elbv2.states(backend.region_name, arn).items()
            ]
            # An application load balancer's own setting is always on.
            cross_zone = str(group.attributes["load_balancing.cross_zone.enabled"]) != "false"
            found[arn] = {"cross_zone": cross_zone, "targets": targets}
    return found


def _task(task: ecs_tasks.Task) -> Task:
    container = task.containers[0]
    overrides = (task.overrides.get("containerOverrides") or [{}])[0]
    log = container.get("logConfiguration") or {}
    return {
        "id": task.id,
        "arn": task.task_arn,
        "region": task.region,
        "revision": task.task_definition,
        "az": task.availability_zone,
        "ip": task.private_ip,
        "serving": task.is_serving,
        "running": task.last_status == "RUNNING",
        "fails": task.fails,
        "environment": task.environment,
        "secrets": task.secrets,
        "command": [] if task.service_name else list(overrides.get("command") or ()),
        "container": container["name"],
        "log": dict(log.get("options") or {}) if log.get("logDriver") == "awslogs" else {},
    }


def _tasks() -> Iterator[ecs_tasks.Task]:
    for region in {backend.region_name for backend in _regional(ecs_backends)}:
        yield from (task for task in ecs_tasks.tasks(region) if task.last_status != "STOPPED")


def _clusters() -> list[Cluster]:
    return [
        {
            "id": cluster.db_cluster_identifier,
            "resource": cluster.db_cluster_resource_id,
            "endpoint": cluster.endpoint.lower(),
            "writer": docdb.writer(cluster),
            "source": cluster.source_cluster,
            "restored_to": cluster.restored_to,
        }
        for cluster in docdb.clusters()
    ]


def topology() -> Topology:
    """Return everything that decides how a request is answered, as it is now."""
    distributions = _distributions()
    return {
        "factor": TIMELINE.factor,
        "names": _names(),
        "certificates": _certificates(),
        "distributions": distributions,
        "buckets": _buckets(distributions),
        "balancers": _balancers(),
        "target_groups": _target_groups(),
        "tasks": [_task(task) for task in sorted(_tasks(), key=lambda task: task.id)],
        "clusters": _clusters(),
        "lost_zones": [fault.members["zone"] for fault in injected_faults.active("lost-az")],
    }


def _topology(given: Mapping[str, Any]) -> dict[str, Any]:
    found = topology()
    version = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
    if given.get("version") == version:
        return {"unchanged": True, "version": version}
    return {"version": version, "topology": found}


def _task_stopped(given: Mapping[str, Any]) -> dict[str, Any]:
    """Stop a task whose container has ended by itself: `{"task": id, "exit_code": n}`."""
    code = given.get("exit_code")
    if not isinstance(code, int) or isinstance(code, bool):
        raise admin.AdminError(f"exit_code must be a whole number; {code!r} is none")
    found = [task for task in _tasks() if task.id == given.get("task")]
    if not found:
        raise admin.AdminError(f"no task {given.get('task')!r} runs")
    found[0].exit_code = code
    ecs_task_life.stop(found[0], "Essential container in task exited", "EssentialContainerExited")
    return {"task": found[0].id, "exit_code": code}


def register() -> None:
    """Answer the data plane, and whoever asks for one."""
    admin.route("GET /topology")(_topology)
    admin.route("POST /ecs/task-stopped")(_task_stopped)
    ecs_task_life.RUNNERS.append(spawn.is_running)
    spawn.register()
