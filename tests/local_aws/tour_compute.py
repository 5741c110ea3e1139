"""Stops of the tour where requests are answered: services, deployments, traffic."""

from __future__ import annotations

from typing import Any

import httpx

from prod_infra.local_aws.clients import Clients
from tests.conftest import REGION
from tests.local_aws.blue_green import NAMES, Stage
from tests.local_aws.docdb_environment import eventually
from tests.local_aws.environment import load_balancer, network, role
from tests.local_aws.test_autoscaling import TARGET, TRACKING


def auto_scaling(clients: Clients) -> None:
    """Targets, their tags and policies."""
    client, ecs = clients("application-autoscaling"), clients("ecs")
    ecs.create_cluster(clusterName="prod")
    ecs.register_task_definition(family="app", containerDefinitions=[{"name": "app", "image": "app", "memory": 64}])
    ecs.create_service(cluster="prod", serviceName="app", taskDefinition="app", desiredCount=2)
    client.register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=8, Tags={"Name": "app"})
    arn = client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]["ScalableTargetARN"]
    client.list_tags_for_resource(ResourceARN=arn)
    client.tag_resource(ResourceARN=arn, Tags={"Owner": "x"})
    client.untag_resource(ResourceARN=arn, TagKeys=["Owner"])
    policy = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": TRACKING}
    client.put_scaling_policy(**TARGET, PolicyName="cpu", **policy)
    client.describe_scaling_policies(ServiceNamespace="ecs")
    client.deregister_scalable_target(**TARGET)


def code_deploy(clients: Clients) -> None:
    """A deployment to its end, one that is stopped, and everything that can be asked about both."""
    stage = Stage.build(clients)
    client = stage.code_deploy()
    client.create_deployment_config(
        deploymentConfigName="own",
        computePlatform="ECS",
        trafficRoutingConfig={
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 1},
        },
    )
    client.get_deployment_config(deploymentConfigName="own")
    client.list_deployment_configs()
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60}
    client.update_deployment_group(
        applicationName="app",
        currentDeploymentGroupName="blue-green",
        deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
        blueGreenDeploymentConfiguration={
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
            "deploymentReadyOption": ready,
        },
    )
    first = stage.deploy()
    eventually(lambda: stage.deployment(first)["status"] == "Ready")
    client.get_deployment_group(**NAMES)
    client.continue_deployment(deploymentId=first, deploymentWaitType="READY_WAIT")
    stage.ended(first)
    target = client.list_deployment_targets(deploymentId=first)["targetIds"][0]
    client.get_deployment_target(deploymentId=first, targetId=target)
    client.batch_get_deployment_targets(deploymentId=first, targetIds=[target])
    client.batch_get_deployments(deploymentIds=[first])
    client.list_deployments(**NAMES)
    client.get_application_revision(applicationName="app", revision=stage.deployment(first)["revision"])
    code = {"Runtime": "python3.12", "Handler": "f.f", "Code": {"ZipFile": b"zip"}}
    clients("lambda").create_function(FunctionName="check", Role=role(clients, "check", "lambda.amazonaws.com"), **code)
    second = stage.deploy(stage.app_spec(stage.revision("3"), Hooks=[{"BeforeInstall": "check"}]))
    eventually(lambda: _waiting_hooks(clients) != [])
    hook = {name: _waiting_hooks(clients)[0][name] for name in ("deploymentId", "lifecycleEventHookExecutionId")}
    client.put_lifecycle_event_hook_execution_status(**hook, status="Succeeded")
    client.get_deployment_target(deploymentId=second, targetId=target)
    client.stop_deployment(deploymentId=second, autoRollbackEnabled=False)
    stage.ended(second)
    client.get_deployment_group(**NAMES)
    client.delete_deployment_group(**NAMES)
    client.update_application(applicationName="app", newApplicationName="renamed")
    client.delete_application(applicationName="renamed")
    client.delete_deployment_config(deploymentConfigName="own")


def _waiting_hooks(clients: Clients) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{clients.endpoint}/_prod_infra/lifecycle-hooks").json()["hooks"]
    return found


def ec2(clients: Clients) -> None:
    """Rules of groups, endpoints, flow logs, NAT gateways."""
    client, where = clients("ec2"), network(clients)
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    client.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[permission])
    rules = client.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [where.group]}])
    rule = next(each for each in rules["SecurityGroupRules"] if not each["IsEgress"])["SecurityGroupRuleId"]
    changed = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "CidrIpv4": "10.1.0.0/16"}
    client.modify_security_group_rules(
        GroupId=where.group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}]
    )
    endpoint = client.create_vpc_endpoint(
        VpcId=where.vpc,
        ServiceName=f"com.amazonaws.{REGION}.logs",
        VpcEndpointType="Interface",
        SubnetIds=where.subnets,
        SecurityGroupIds=[where.group],
    )["VpcEndpoint"]["VpcEndpointId"]
    client.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=False)
    client.describe_vpc_endpoints()
    client.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    clients("logs").create_log_group(logGroupName="flow")
    client.create_flow_logs(
        ResourceIds=[where.vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flow",
        DeliverLogsPermissionArn=role(clients, "flow", "vpc-flow-logs.amazonaws.com"),
    )
    client.describe_flow_logs()
    address = client.allocate_address(Domain="vpc")["AllocationId"]
    nat = client.create_nat_gateway(SubnetId=where.subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    client.describe_nat_gateways()
    client.delete_nat_gateway(NatGatewayId=nat)


def ecs(clients: Clients) -> None:
    """Services of both controllers, their task sets and tasks, and what the load balancer says of them."""
    stage, client = Stage.build(clients), clients("ecs")
    of = {"cluster": "prod", "service": "app"}
    client.describe_services(cluster="prod", services=["app"])
    client.update_service(**of, desiredCount=3)
    client.list_tasks(cluster="prod")
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": stage.network}
    task = client.run_task(**run)["tasks"][0]["taskArn"]
    client.describe_tasks(cluster="prod", tasks=[task, task[:-4] + "0000"])
    client.stop_task(cluster="prod", task=task, reason="a tour")
    elbv2 = clients("elbv2")
    balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)
    elbv2.describe_target_health(TargetGroupArn=stage.groups["blue"])
    target = [{"Id": "10.1.0.200", "Port": 8080}]
    elbv2.register_targets(TargetGroupArn=stage.groups["green"], Targets=target)
    elbv2.describe_target_health(TargetGroupArn=stage.groups["green"])
    elbv2.deregister_targets(TargetGroupArn=stage.groups["green"], Targets=target)
    client.create_service(cluster="prod", serviceName="outside", deploymentController={"type": "EXTERNAL"})
    made = client.create_task_set(
        cluster="prod",
        service="outside",
        taskDefinition="app",
        launchType="FARGATE",
        networkConfiguration=stage.network,
        scale={"value": 100, "unit": "PERCENT"},
    )["taskSet"]["id"]
    outside = {"cluster": "prod", "service": "outside"}
    client.update_task_set(**outside, taskSet=made, scale={"value": 50, "unit": "PERCENT"})
    client.update_service_primary_task_set(**outside, primaryTaskSet=made)
    client.describe_task_sets(**outside)
    client.delete_task_set(**outside, taskSet=made, force=True)
    client.delete_service(**outside, force=True)
    client.create_cluster(clusterName="spare")
    client.delete_cluster(cluster="spare")


def zonal_shift(clients: Clients) -> None:
    """A shift's life."""
    arc, arn = clients("arc-zonal-shift"), load_balancer(clients, network(clients))["balancer"]
    enabled = [{"Key": "zonal_shift.config.enabled", "Value": "true"}]
    clients("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=enabled)
    arc.list_managed_resources()
    started = arc.start_zonal_shift(resourceIdentifier=arn, awayFrom="euc1-az1", expiresIn="30m", comment="a tour")
    arc.update_zonal_shift(zonalShiftId=started["zonalShiftId"], expiresIn="1h", comment="longer")
    arc.get_managed_resource(resourceIdentifier=arn)
    arc.list_zonal_shifts()
    arc.cancel_zonal_shift(zonalShiftId=started["zonalShiftId"])
    arc.list_zonal_shifts(resourceIdentifier=arn)
