"""Checks of compute: images, load balancer, service, blue/green, scaling."""

from __future__ import annotations

from typing import Any, Final

from runbooks.verify.check import CheckFunction, Findings
from runbooks.verify.deployed import Deployed, only

HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
LOGIN: Final = "ecr:GetAuthorizationToken"
"""The one call of the roles that knows no narrower resource."""


def image_repository(env: Deployed, see: Findings) -> None:
    """Images are scanned as they are pushed, and their tags can't be moved."""
    repository = only(env.repositories, "image repository of this environment")
    see.equal("scan on push", repository["imageScanningConfiguration"]["scanOnPush"], env.settings.scan_on_push)
    see.equal("tags", repository["imageTagMutability"], "IMMUTABLE")
    env.clients("ecr").get_lifecycle_policy(repositoryName=repository["repositoryName"])


def load_balancer(env: Deployed, see: Findings) -> None:
    """The load balancer is in the public subnets of every zone, protected, and drops invalid headers."""
    balancer = env.load_balancer
    see.equal("subnets", {zone["SubnetId"] for zone in balancer["AvailabilityZones"]}, set(env.public_subnets))
    arn = balancer["LoadBalancerArn"]
    answer = env.clients("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)
    attributes = {item["Key"]: item["Value"] for item in answer["Attributes"]}
    protected = str(env.settings.deletion_protection).lower()
    see.equal("deletion protection", attributes.get("deletion_protection.enabled"), protected)
    see.equal("zonal shift", attributes.get("zonal_shift.config.enabled"), "true")
    see.equal("invalid headers dropped", attributes.get("routing.http.drop_invalid_header_fields.enabled"), "true")


def target_groups(env: Deployed, see: Findings) -> None:
    """Blue and green each have a target group."""
    see.equal("target groups", len(env.target_groups), 2 if env.settings.enable_blue_green else 1)
    for group in env.target_groups:
        name = group["TargetGroupName"]
        see.equal(f"{name} protocol", group["Protocol"], env.settings.target_protocol)
        see.equal(f"{name} targets", group["TargetType"], "ip")
        see.equal(f"{name} health check", group["HealthCheckPath"], env.settings.health_check_path)


def https_listener(env: Deployed, see: Findings) -> None:
    """The HTTPS listeners want TLS 1.2, and answer 403 to whoever lacks the secret header."""
    ports = [HTTPS_PORT, *([env.settings.test_listener_port] if env.settings.enable_blue_green else [])]
    for port in ports:
        listener = env.listeners.get(port)
        if listener is None:
            see.require(None, f"there is no listener on {port}")
            continue
        see.equal(f"{port} protocol", listener["Protocol"], "HTTPS")
        policy = listener.get("SslPolicy", "")
        see.require(policy.startswith("ELBSecurityPolicy-TLS13-1-2-Res-PQ-"), f"{port} uses {policy or 'no policy'}")
    default = env.listeners.get(HTTPS_PORT, {}).get("DefaultActions", [{}])[0]
    see.equal("answer without header", default.get("FixedResponseConfig", {}).get("StatusCode"), "403")


def origin_header(env: Deployed, see: Findings) -> None:
    """What the HTTPS listener forwards carries the header that only the distribution knows."""
    listener = env.listeners.get(HTTPS_PORT)
    if listener is None:
        see.require(None, f"there is no listener on {HTTPS_PORT}")
        return
    found = env.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"])
    forwarding = [rule for rule in found if any(action["Type"] == "forward" for action in rule["Actions"])]
    see.require(forwarding, "no rule forwards anything")
    for rule in forwarding:
        asked = [item["HttpHeaderConfig"] for item in rule["Conditions"] if item["Field"] == "http-header"]
        values = [value for header in asked for value in header["Values"]]
        see.require(values and all(value.strip("*?") for value in values), f"rule {rule['Priority']} asks for none")
        see.saw(", ".join(header["HttpHeaderName"] for header in asked))


def http_redirect(env: Deployed, see: Findings) -> None:
    """Port 80 redirects to HTTPS, or is not there at all."""
    listener = env.listeners.get(HTTP_PORT)
    if not env.settings.enable_http_redirect:
        see.equal("listener on 80", listener and listener["ListenerArn"], None)
        return
    if listener is None:
        see.require(None, "there is no listener on 80")
        return
    redirect = listener["DefaultActions"][0].get("RedirectConfig", {})
    see.equal("redirect", (redirect.get("Protocol"), redirect.get("StatusCode")), ("HTTPS", "HTTP_301"))


def service(env: Deployed, see: Findings) -> None:
    """The service runs in the private subnets, without public addresses, with enough tasks."""
    found = env.service
    wanted = "CODE_DEPLOY" if env.settings.enable_blue_green_deployment else "ECS"
    see.equal("deployed by", found.get("deploymentController", {}).get("type", "ECS"), wanted)
    see.require(
        found["desiredCount"] >= env.settings.autoscaling_min_tasks,
        f"{found['desiredCount']} tasks are desired, at least {env.settings.autoscaling_min_tasks} are wanted",
    )
    network = found["networkConfiguration"]["awsvpcConfiguration"]
    see.equal("subnets", set(network["subnets"]), set(env.private_subnets))
    see.equal("public addresses", network.get("assignPublicIp", "DISABLED"), "DISABLED")
    see.require(not found.get("enableExecuteCommand"), "a shell can be opened in a task")


def task_secrets(env: Deployed, see: Findings) -> None:
    """The tasks get their secrets by reference, from `prod/` alone."""
    references = [
        secret["valueFrom"]
        for container in env.task_definition["containerDefinitions"]
        for secret in container.get("secrets", ())
    ]
    see.require(references, "the task definition refers to no secret")
    for reference in references:
        # arn:aws:secretsmanager:region:account:secret:prod/docdb/master_password-AbCdEf:key::
        parts = reference.split(":")
        name = parts[6] if len(parts) > 6 else reference  # noqa: PLR2004
        see.require(name.startswith("prod/"), f"{name} is not under prod/")
        see.saw(name)


def tasks_are_locked_down(env: Deployed, see: Findings) -> None:
    """The containers run as nobody in particular, write to no disk of their own, and are watched."""
    for container in env.task_definition["containerDefinitions"]:
        name = container["name"]
        see.require(container.get("readonlyRootFilesystem"), f"{name} can write to its root file system")
        see.require(not container.get("privileged"), f"{name} is privileged")
        see.require(container.get("user", "").split(":")[0] not in {"", "0", "root"}, f"{name} runs as root")
        see.equal(f"{name} logs by", container["logConfiguration"]["logDriver"], "awslogs")
        see.require("@sha256:" in container["image"], f"the image of {name} is not given by its digest")
    clusters = env.clients("ecs").describe_clusters(clusters=[env.service["clusterArn"]], include=["SETTINGS"])
    found = {item["name"]: item["value"] for item in clusters["clusters"][0]["settings"]}
    see.equal("Container Insights", found.get("containerInsights"), "enhanced")


def _deployment_group(env: Deployed) -> dict[str, Any]:
    codedeploy = env.clients("codedeploy")
    cluster = env.service["clusterArn"].rsplit("/", 1)[-1]
    ours = {"serviceName": env.service["serviceName"], "clusterName": cluster}
    found = [
        codedeploy.get_deployment_group(applicationName=application, deploymentGroupName=group)["deploymentGroupInfo"]
        for application in env.pages("codedeploy", "list_applications", "applications")
        for group in env.pages("codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=application)
    ]
    return dict(only([group for group in found if ours in group.get("ecsServices", ())], "deployment group"))


def blue_green(env: Deployed, see: Findings) -> None:
    """CodeDeploy shifts traffic between the two target groups, and rolls back by itself."""
    if not env.settings.enable_blue_green_deployment:
        see.saw("not asked for")
        return
    group = _deployment_group(env)
    see.equal("shift", group["deploymentConfigName"], env.settings.deployment_config_name)
    style = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
    see.equal("style", group["deploymentStyle"], style)
    rollback = group.get("autoRollbackConfiguration", {})
    see.require(rollback.get("enabled"), "automatic rollback is off")
    see.require("DEPLOYMENT_FAILURE" in rollback.get("events", ()), "a failed deployment is not rolled back")
    watched = group.get("alarmConfiguration", {})
    see.require(watched.get("enabled") and watched.get("alarms"), "no alarm stops a deployment")
    pair = only(group["loadBalancerInfo"]["targetGroupPairInfoList"], "pair of target groups")
    names = {found["name"] for found in pair["targetGroups"]}
    see.equal("target groups", names, {found["TargetGroupName"] for found in env.target_groups})
    for route, port in (("prodTrafficRoute", HTTPS_PORT), ("testTrafficRoute", env.settings.test_listener_port)):
        listener = env.listeners.get(port, {}).get("ListenerArn")
        see.equal(f"{route} listener", pair.get(route, {}).get("listenerArns"), [listener])


def scaling(env: Deployed, see: Findings) -> None:
    """The service scales on CPU within the settings' bounds."""
    resource = f"service/{env.service['clusterArn'].rsplit('/', 1)[-1]}/{env.service['serviceName']}"
    where = {"ServiceNamespace": "ecs"}
    service_name = "application-autoscaling"
    targets = env.pages(service_name, "describe_scalable_targets", "ScalableTargets", ResourceIds=[resource], **where)
    target = only(targets, f"scalable target {resource}")
    bounds = (env.settings.autoscaling_min_tasks, env.settings.autoscaling_max_tasks)
    see.equal("tasks", (target["MinCapacity"], target["MaxCapacity"]), bounds)
    policies = env.pages(service_name, "describe_scaling_policies", "ScalingPolicies", ResourceId=resource, **where)
    tracking = [policy.get("TargetTrackingScalingPolicyConfiguration", {}) for policy in policies]
    values = [
        found["TargetValue"]
        for found in tracking
        if found.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
        == "ECSServiceAverageCPUUtilization"
    ]
    see.equal("average CPU", values, [float(env.settings.autoscaling_cpu_threshold)])


def roles(env: Deployed, see: Findings) -> None:
    """The service's roles are taken for this account alone, and their policies name what they are about."""
    iam = env.clients("iam")
    arns = {env.task_definition["executionRoleArn"], env.task_definition["taskRoleArn"]}
    if env.settings.enable_blue_green_deployment:
        arns.add(_deployment_group(env)["serviceRoleArn"])
    for name in sorted(arn.rpartition("/")[2] for arn in arns):
        for statement in iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]:
            account = statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount")
            see.equal(f"{name} is taken for", account, env.account)
        for policy in env.pages("iam", "list_role_policies", "PolicyNames", RoleName=name):
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                actions = statement.get("Action", "*")
                named = statement.get("Resource", "*") != "*" or actions == LOGIN
                whole = any(action.endswith("*") for action in ([actions] if isinstance(actions, str) else actions))
                see.require(named and not whole, f"{policy} of {name} allows too much")
        attached = env.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
        wide = [item["PolicyName"] for item in attached if item["PolicyName"].endswith(("Access", "Administrator"))]
        see.equal(f"wide policies of {name}", wide, [])


CHECKS: tuple[CheckFunction, ...] = (
    image_repository,
    load_balancer,
    target_groups,
    https_listener,
    origin_header,
    http_redirect,
    service,
    task_secrets,
    tasks_are_locked_down,
    blue_green,
    scaling,
    roles,
)
