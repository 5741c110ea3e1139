"""Deployments and scaling wired end to end, and what the tasks may know, decided from the links between resources."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.graph import Stack, known, undecided
from policies.rule import FSBP, UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, Severity, StackRule
from policies.rules.containers import containers, secrets_outside_prod, task
from policies.rules.data import PROD_PREFIX
from policies.rules.load_balancing import redirects_to_https
from policies.tokens import (
    DEPLOYMENT_GROUP,
    ECS_SERVICE,
    LISTENER,
    LISTENER_RULE,
    SCALABLE_TARGET,
    SCALING_POLICY,
    SECRET,
    TARGET_GROUP,
    TASK_DEFINITION,
)

BLUE_AND_GREEN = 2
CPU_METRIC = "ECSServiceAverageCPUUtilization"


def _led_to(listener: PolicyResource, stack: Stack) -> set[str]:
    """Return the URNs of the target groups that a listener or its rules forward to."""
    found = stack.used(listener, "defaultActions", TARGET_GROUP)
    for rule in stack.users(listener, "listenerArn", LISTENER_RULE):
        found += stack.used(rule, "actions", TARGET_GROUP)
    return {group.urn for group in found}


def _wired(group: PolicyResource, service: PolicyResource, stack: Stack) -> Iterator[str]:
    key = "loadBalancerInfo"
    targets = {target.urn for target in stack.used(group, key, TARGET_GROUP)}
    listeners = stack.used(group, key, LISTENER)
    if not targets and not listeners and known(group, key):
        undecided(group, key)
    if len(targets) != BLUE_AND_GREEN:
        yield f"its deployment group shifts between {len(targets)} target groups of this stack; it takes blue and green"
    if len(listeners) != BLUE_AND_GREEN:
        yield f"its deployment group moves {len(listeners)} listeners of this stack; it takes production's and a test's"
    for listener in listeners:
        if not _led_to(listener, stack) & targets:
            yield f"listener {listener.name} leads to neither of its deployment group's target groups"
    if not targets & {target.urn for target in stack.used(service, "loadBalancers", TARGET_GROUP)}:
        yield "its tasks register in neither of its deployment group's target groups"


def _blue_green(service: PolicyResource, stack: Stack) -> Iterator[str]:
    controller = service.props.get("deploymentController")
    if controller is None or controller.get("type") != "CODE_DEPLOY":
        return
    groups = stack.users(service, "ecsService", DEPLOYMENT_GROUP)
    if not groups:
        yield "no CodeDeploy deployment group of this stack deploys it"
    for group in groups:
        yield from _wired(group, service, stack)


def _service(*extra: Node, loads: str = "blue") -> Example:
    controller = {"deploymentController": {"type": "CODE_DEPLOY"}}
    return (
        Node(TARGET_GROUP[0], "blue"),
        Node(TARGET_GROUP[0], "green"),
        Node(LISTENER[0], "production"),
        Node(LISTENER_RULE[0], "rule", {}, {"listenerArn": ["production"], "actions": ["blue"]}),
        Node(LISTENER[0], "test", {}, {"defaultActions": ["green"]}),
        Node(LISTENER[0], "redirect"),
        Node(ECS_SERVICE[0], "service", controller, {"loadBalancers": [loads]}),
        *extra,
    )


def _group(*parts: str) -> Node:
    props = {"loadBalancerInfo": UNKNOWN}
    return Node(DEPLOYMENT_GROUP[0], "group", props, {"ecsService": ["service"], "loadBalancerInfo": parts})


BLUE_GREEN_WIRED = StackRule(
    id="blue-green-wired",
    title="Listeners, target groups, service and deployment group fit together",
    why="A deployment would shift traffic to where no task is, or shift none at all.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("loadBalancerInfo", "ecsService", "loadBalancers", "defaultActions", "actions"),
    absent=Absent(means="nothing deploys the service"),
    fix="Keep Settings.enable_blue_green=True; prod_infra.compute.blue_green wires what prod_infra.compute.alb made.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=_blue_green,
    passes=(
        _service(_group("blue", "green", "production", "test")),
        (Node(ECS_SERVICE[0], "rolling", {"deploymentController": {"type": "ECS"}}),),
    ),
    fails=(
        _service(_group("blue", "production", "test")),
        _service(_group("blue", "green", "production")),
        _service(_group("blue", "green", "production", "redirect")),
        _service(_group("blue", "green", "production", "test"), Node(TARGET_GROUP[0], "third"), loads="third"),
    ),
    lacks=_service(),
    unknown=_service(
        Node(
            DEPLOYMENT_GROUP[0],
            "group",
            {"loadBalancerInfo": {"targetGroupPairInfo": {}}},
            {"ecsService": ["service"]},
        )
    ),
)


def _scaling_policies(service: PolicyResource, stack: Stack) -> Iterator[PolicyResource]:
    yield from stack.users(service, "resourceId", SCALING_POLICY)
    for target in stack.users(service, "resourceId", SCALABLE_TARGET):
        yield from stack.users(target, "resourceId", SCALING_POLICY)


def _tracks_cpu(policy: PolicyResource) -> bool:
    if policy.props.get("policyType") != "TargetTrackingScaling":
        return False
    metric = (policy.props.get("targetTrackingScalingPolicyConfiguration") or {}).get("predefinedMetricSpecification")
    return metric is not None and metric.get("predefinedMetricType") == CPU_METRIC


def _autoscaled(service: PolicyResource, stack: Stack) -> Iterator[str]:
    if not stack.users(service, "resourceId", SCALABLE_TARGET):
        yield "no scalable target of this stack bounds its tasks"
    elif not any(_tracks_cpu(policy) for policy in _scaling_policies(service, stack)):
        yield f"no target tracking policy of this stack follows its CPU ({CPU_METRIC})"


def _scaled(policy_type: str = "TargetTrackingScaling", metric: str = CPU_METRIC) -> Example:
    specification = {"predefinedMetricSpecification": {"predefinedMetricType": metric}}
    return (
        Node(ECS_SERVICE[0], "service"),
        Node(SCALABLE_TARGET[0], "target", {}, {"resourceId": ["service"]}),
        Node(
            SCALING_POLICY[0],
            "policy",
            {"policyType": policy_type, "targetTrackingScalingPolicyConfiguration": specification},
            {"resourceId": ["target"]},
        ),
    )


AUTOSCALED = StackRule(
    id="ecs-autoscaled-on-cpu",
    title="A service scales with its load",
    why="A fixed number of tasks is too few at the peak and too many at night.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("resourceId", "policyType", "targetTrackingScalingPolicyConfiguration"),
    absent=Absent(means="the number of tasks never changes"),
    fix="Keep the scalable target and the CPU policy of prod_infra.compute.ecs.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=_autoscaled,
    passes=(_scaled(),),
    fails=(
        _scaled(policy_type="StepScaling"),
        _scaled(metric="ECSServiceAverageMemoryUtilization"),
        _scaled()[:2],
    ),
    lacks=_scaled()[:1],
    unknown=_scaled(metric=UNKNOWN),
)


def _secrets(definition: PolicyResource, stack: Stack) -> Iterator[str]:
    try:
        found = containers(definition.props)
    except UnknownValueError:
        secrets = stack.used(definition, "containerDefinitions", SECRET)
        if not secrets:
            raise
        for secret in secrets:
            name = known(secret, "name") or known(secret, "namePrefix")
            if not str(name).startswith(PROD_PREFIX):
                yield f"secret {secret.name} is injected and not named under {PROD_PREFIX}"
        return
    for index, container in enumerate(found):
        for fault in secrets_outside_prod(container):
            yield f"containerDefinitions[{index}].{fault}"


def _injected(name: str) -> Example:
    return (
        Node(SECRET[0], "secret", {"name": name}),
        Node(TASK_DEFINITION[0], "task", {"containerDefinitions": UNKNOWN}, {"containerDefinitions": ["secret"]}),
    )


def _literal(arn: str) -> Example:
    return (Node(TASK_DEFINITION[0], "task", task(secrets=[{"name": "DB", "valueFrom": arn}])),)


TASK_SECRETS_FROM_PROD = StackRule(
    id="task-secrets-from-prod",
    title=f"Tasks are given secrets of {PROD_PREFIX} alone",
    why="Another environment's secret in production is either a mistake or a leak.",
    severity=Severity.HIGH,
    on=TASK_DEFINITION,
    keys=("containerDefinitions", "name"),
    absent=Absent(means="no secret is injected", passes=True),
    fix="Inject only secrets whose names start with prod/, as Settings.app_secrets takes them.",
    controls={FSBP: ("ECS.8",), WELL_ARCHITECTED: ("SEC02-BP03",)},
    check=_secrets,
    passes=(
        _injected("prod/docdb/master_password"),
        _literal("arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-AbCdEf"),
        _literal("arn:aws:ssm:eu-central-1:123456789012:parameter/prod/app"),
    ),
    fails=(
        _injected("dev/docdb/master_password"),
        _literal("arn:aws:secretsmanager:eu-central-1:123456789012:secret:dev/app-AbCdEf"),
        _literal("arn:aws:ssm:eu-central-1:123456789012:parameter/dev/app"),
    ),
    lacks=(Node(TASK_DEFINITION[0], "task", task()),),
    unknown=(Node(TASK_DEFINITION[0], "task", {"containerDefinitions": UNKNOWN}),),
)


def _http_rules(rule: PolicyResource, stack: Stack) -> Iterator[str]:
    listeners = stack.used(rule, "listenerArn", LISTENER)
    if not listeners:
        undecided(rule, "listenerArn")
    if any(listener.props.get("protocol") == "HTTP" for listener in listeners) and not all(
        redirects_to_https(action) for action in rule.props.get("actions") or ()
    ):
        yield "the rule answers plain HTTP with something else than a redirect to HTTPS"


def _rule(protocol: str, action: dict[str, object]) -> Example:
    return (
        Node(LISTENER[0], "listener", {"protocol": protocol}),
        Node(LISTENER_RULE[0], "rule", {"actions": [action]}, {"listenerArn": ["listener"]}),
    )


HTTP_RULES_REDIRECT = StackRule(
    id="listener-rule-https",
    title="A rule of an HTTP listener only redirects to HTTPS",
    why="A rule overrides the listener's redirect, and plain HTTP would reach the targets after all.",
    severity=Severity.HIGH,
    on=LISTENER_RULE,
    keys=("actions", "listenerArn", "protocol"),
    absent=Absent(means="AWS refuses a rule without actions, and says so late", passes=True),
    fix="Put forwarding rules on the HTTPS listener of prod_infra.compute.alb.",
    controls={FSBP: ("ELB.1",), WELL_ARCHITECTED: ("SEC09-BP02",)},
    check=_http_rules,
    passes=(
        _rule("HTTPS", {"type": "forward"}),
        _rule("HTTP", {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443"}}),
    ),
    fails=(_rule("HTTP", {"type": "forward"}),),
    lacks=(_rule("HTTPS", {})[0], Node(LISTENER_RULE[0], "rule", {}, {"listenerArn": ["listener"]})),
    unknown=(Node(LISTENER_RULE[0], "rule", {"listenerArn": "arn:made-elsewhere"}),),
)

RULES = (BLUE_GREEN_WIRED, AUTOSCALED, TASK_SECRETS_FROM_PROD, HTTP_RULES_REDIRECT)
