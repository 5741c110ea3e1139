"""Verification passes on what was asked for, and finds each thing that someone changed behind our back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from prod_infra.settings import Settings
from runbooks.verify import GROUPS, Check, Deployed, verify
from tests.runbooks.rehearsed import Rehearsed

SETTINGS = Settings()


@pytest.fixture(scope="module")
def clients(rehearsed: Rehearsed) -> Clients:
    """Clients of the environment that modules share: each test mends what it changes."""
    return rehearsed.clients


def failed(clients: Clients, settings: Settings = SETTINGS) -> dict[str, str]:
    """Return details of the failed checks by name."""
    return {check.name: check.detail for check in verify(clients, settings) if not check.passed}


def test_deployed_environment_passes(clients: Clients) -> None:
    """Every check passes right after a deploy, and says what it saw."""
    checks = verify(clients, SETTINGS)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.passed] == []
    assert len(checks) == sum(len(functions) for _, functions in GROUPS)


def test_expectations_come_from_the_settings(clients: Clients) -> None:
    """Other settings than those deployed fail their checks, and only theirs."""
    other = SETTINGS.model_copy(update={"backup_retention_period": 21, "autoscaling_max_tasks": 9, "instance_count": 3})
    assert set(failed(clients, other)) == {
        "The database keeps its backups as long as the settings say, and works in its windows",
        "The service scales on CPU within the settings' bounds",
        "The database has the settings' number of instances, over the zones",
    }


def test_empty_account_fails_every_check_it_can(local_aws: LocalAws, shared_clients: Clients) -> None:
    """Without an environment every check fails by its own words; none raises."""
    local_aws.reset()
    checks = verify(shared_clients, SETTINGS)
    assert checks
    assert not any(check.passed for check in checks)


def test_checks_are_told_as_they_end(clients: Clients) -> None:
    """Whoever watches gets each check in order."""
    seen: list[Check] = []
    assert tuple(seen) != verify(clients, SETTINGS, seen.append)
    assert tuple(seen) == verify(clients, SETTINGS)


def _open(env: Deployed, port: int, cidr: str) -> list[dict[str, Any]]:
    del env
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}]


def port_80(env: Deployed) -> Callable[[], Any]:
    """Admit port 80 from inside."""
    group, rules = env.load_balancer["SecurityGroups"][0], _open(env, 80, "10.1.0.0/16")
    ec2 = env.clients("ec2")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return lambda: ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)


def the_world(env: Deployed) -> Callable[[], Any]:
    """Admit everybody to the database."""
    group, rules = env.database["VpcSecurityGroups"][0]["VpcSecurityGroupId"], _open(env, 27017, "0.0.0.0/0")
    ec2 = env.clients("ec2")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return lambda: ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)


def route_through_the_other_zone(env: Deployed) -> Callable[[], Any]:
    """Lead one private subnet through the other zone's NAT gateway."""
    subnet = min(env.private_subnets)
    table = env.route_tables[subnet]["RouteTableId"]
    own = env.default_route(subnet)["NatGatewayId"]
    other = next(name for name in env.nat_gateways if name != own)
    ec2 = env.clients("ec2")

    def lead(nat: str) -> None:
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    lead(other)
    return lambda: lead(own)


def public_bucket(env: Deployed) -> Callable[[], Any]:
    """Lift one part of a bucket's public access block."""
    bucket = min(env.buckets.values())
    s3 = env.clients("s3")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    lifted = {**block, "BlockPublicPolicy": False}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=lifted)
    return lambda: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def suspended_versions(env: Deployed) -> Callable[[], Any]:
    """Suspend a bucket's versions."""
    bucket = min(env.buckets.values())
    s3 = env.clients("s3")

    def put(status: str) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    put("Suspended")
    return lambda: put("Enabled")


def any_distribution(env: Deployed) -> Callable[[], Any]:
    """Let every distribution of the world read a bucket."""
    bucket = min(env.buckets.values())
    s3 = env.clients("s3")
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(before)
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            del statement["Condition"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    return lambda: s3.put_bucket_policy(Bucket=bucket, Policy=before)


def old_tls(env: Deployed) -> Callable[[], Any]:
    """Negotiate old TLS at the listener."""
    arn, before = env.listeners[443]["ListenerArn"], env.listeners[443]["SslPolicy"]
    elbv2 = env.clients("elbv2")
    elbv2.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-2016-08")
    return lambda: elbv2.modify_listener(ListenerArn=arn, SslPolicy=before)


def short_backups(env: Deployed) -> Callable[[], Any]:
    """Keep the database's backups for a day."""
    name = env.database["DBClusterIdentifier"]
    docdb = env.clients("docdb")

    def keep(days: int) -> None:
        docdb.modify_db_cluster(DBClusterIdentifier=name, BackupRetentionPeriod=days, ApplyImmediately=True)

    keep(1)
    return lambda: keep(SETTINGS.backup_retention_period)


def movable_tags(env: Deployed) -> Callable[[], Any]:
    """Let image tags be moved."""
    ecr = env.clients("ecr")
    repository = ecr.describe_repositories()["repositories"][0]["repositoryName"]

    def put(mutability: str) -> None:
        ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability=mutability)

    put("MUTABLE")
    return lambda: put("IMMUTABLE")


def more_tasks(env: Deployed) -> Callable[[], Any]:
    """Raise the most tasks."""
    scaling = env.clients("application-autoscaling")
    target = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    named = {key: target[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    scaling.register_scalable_target(**named, MinCapacity=target["MinCapacity"], MaxCapacity=80)
    return lambda: scaling.register_scalable_target(**named, MinCapacity=2, MaxCapacity=target["MaxCapacity"])


def no_rotation(env: Deployed) -> Callable[[], Any]:
    """Stop a key's rotation."""
    kms, key = env.clients("kms"), env.key("database")
    kms.disable_key_rotation(KeyId=key)
    return lambda: kms.enable_key_rotation(KeyId=key)


def short_logs(env: Deployed) -> Callable[[], Any]:
    """Keep the application's logs for a week."""
    logs, name = env.clients("logs"), "/prod/app"
    logs.put_retention_policy(logGroupName=name, retentionInDays=7)
    return lambda: logs.put_retention_policy(logGroupName=name, retentionInDays=365)


def no_flow_logs(env: Deployed) -> Callable[[], Any]:
    """Delete the VPC's flow log."""
    ec2 = env.clients("ec2")
    [flow] = ec2.describe_flow_logs()["FlowLogs"]
    ec2.delete_flow_logs(FlowLogIds=[flow["FlowLogId"]])
    return lambda: ec2.create_flow_logs(
        ResourceIds=[flow["ResourceId"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestination=flow["LogDestination"],
        DeliverLogsPermissionArn=flow["DeliverLogsPermissionArn"],
    )


def unlogged_bucket(env: Deployed) -> Callable[[], Any]:
    """Turn a bucket's access logs off."""
    s3, bucket = env.clients("s3"), min(env.buckets.values())
    before = s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    return lambda: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": before})


def kept_uploads(env: Deployed) -> Callable[[], Any]:
    """Take a bucket's lifecycle rules away."""
    s3, bucket = env.clients("s3"), min(env.buckets.values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    return lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def unguarded_balancer(env: Deployed) -> Callable[[], Any]:
    """Take the load balancer from behind its firewall."""
    wafv2, balancer = env.clients("wafv2"), env.load_balancer["LoadBalancerArn"]
    acl = wafv2.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["ARN"]
    wafv2.disassociate_web_acl(ResourceArn=balancer)
    return lambda: wafv2.associate_web_acl(ResourceArn=balancer, WebACLArn=acl)


def silent_alarm(env: Deployed) -> Callable[[], Any]:
    """Keep an alarm from telling anyone."""
    cloudwatch = env.clients("cloudwatch")
    name = min(alarm["AlarmName"] for alarm in env.alarms(SETTINGS.region))
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    return lambda: cloudwatch.enable_alarm_actions(AlarmNames=[name])


def short_evidence(env: Deployed) -> Callable[[], Any]:
    """Lock new evidence for a day only."""
    s3, bucket = env.clients("s3"), env.bucket("evidence")

    def lock(days: int) -> None:
        retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}
        configuration = {"ObjectLockEnabled": "Enabled", "Rule": retention}
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)

    lock(1)
    return lambda: lock(SETTINGS.evidence_retention_days)


def remote_shells(env: Deployed) -> Callable[[], Any]:
    """Open the public tier to remote shells."""
    ec2 = env.clients("ec2")
    acl = next(acl["NetworkAclId"] for acl in env.network_acls if not acl["IsDefault"])
    where = {"NetworkAclId": acl, "RuleNumber": 10, "Egress": False}
    ec2.create_network_acl_entry(
        **where, Protocol="6", RuleAction="allow", CidrBlock="0.0.0.0/0", PortRange={"From": 20, "To": 25}
    )
    return lambda: ec2.delete_network_acl_entry(**where)


def no_zonal_shift(env: Deployed) -> Callable[[], Any]:
    """Keep operators from taking a zone out."""
    elbv2, balancer = env.clients("elbv2"), env.load_balancer["LoadBalancerArn"]

    def put(value: str) -> None:
        attributes = [{"Key": "zonal_shift.config.enabled", "Value": value}]
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=attributes)

    put("false")
    return lambda: put("true")


def open_default_list(env: Deployed) -> Callable[[], Any]:
    """Let everything through the VPC's default access list."""
    ec2 = env.clients("ec2")
    acl = next(acl["NetworkAclId"] for acl in env.network_acls if acl["IsDefault"])
    where = {"NetworkAclId": acl, "RuleNumber": 10, "Egress": False}
    ec2.create_network_acl_entry(**where, Protocol="-1", RuleAction="allow", CidrBlock="0.0.0.0/0")
    return lambda: ec2.delete_network_acl_entry(**where)


def everything_out(env: Deployed) -> Callable[[], Any]:
    """Let everything out of the database's group."""
    group = env.database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    rules = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2 = env.clients("ec2")
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    return lambda: ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)


def open_endpoint(env: Deployed) -> Callable[[], Any]:
    """Let every account through an endpoint."""
    ec2, endpoint = env.clients("ec2"), env.vpc_endpoints["logs"]
    everything = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}

    def put(policy: str) -> None:
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=policy)

    put(json.dumps(everything))
    return lambda: put(endpoint["PolicyDocument"])


def any_header(env: Deployed) -> Callable[[], Any]:
    """Forward whatever comes with any header."""
    elbv2 = env.clients("elbv2")
    rules = elbv2.describe_rules(ListenerArn=env.listeners[443]["ListenerArn"])["Rules"]
    rule = next(rule for rule in rules if not rule["IsDefault"])
    before = [{"Field": "http-header", "HttpHeaderConfig": rule["Conditions"][0]["HttpHeaderConfig"]}]
    name = rule["Conditions"][0]["HttpHeaderConfig"]["HttpHeaderName"]
    weak = [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": ["*"]}}]
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Conditions=weak)
    return lambda: elbv2.modify_rule(RuleArn=rule["RuleArn"], Conditions=before)


def all_of_s3(env: Deployed) -> Callable[[], Any]:
    """Let the tasks do everything with every bucket."""
    iam, role = env.clients("iam"), env.task_definition["taskRoleArn"].rpartition("/")[2]
    statement = {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=role, PolicyName="extra", PolicyDocument=json.dumps(document))
    return lambda: iam.delete_role_policy(RoleName=role, PolicyName="extra")


def trust_in_all(env: Deployed) -> Callable[[], Any]:
    """Let ECS take a role on behalf of any of its customers."""
    iam, role = env.clients("iam"), env.task_definition["executionRoleArn"].rpartition("/")[2]
    before = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    weak = {**before, "Statement": [{k: v for k, v in before["Statement"][0].items() if k != "Condition"}]}

    def put(document: Any) -> None:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    put(weak)
    return lambda: put(before)


def suspended_log_versions(env: Deployed) -> Callable[[], Any]:
    """Suspend the versions of the bucket of access logs."""
    s3, bucket = env.clients("s3"), env.bucket("access-logs")

    def put(status: str) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    put("Suspended")
    return lambda: put("Enabled")


def quiet_bucket(env: Deployed) -> Callable[[], Any]:
    """Keep a bucket's events from EventBridge."""
    s3, bucket = env.clients("s3"), env.bucket("evidence")

    def put(configuration: Any) -> None:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    put({})
    return lambda: put({"EventBridgeConfiguration": {}})


def plain_topic(env: Deployed) -> Callable[[], Any]:
    """Take messages without TLS."""
    sns = env.clients("sns")
    topic = next(action for alarm in env.alarms(SETTINGS.region) for action in alarm["AlarmActions"])
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    document = json.loads(before)
    document["Statement"] = [item for item in document["Statement"] if item["Effect"] == "Allow"]

    def put(policy: str) -> None:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    put(json.dumps(document))
    return lambda: put(before)


def unwatched_deployments(env: Deployed) -> Callable[[], Any]:
    """Let deployments go on whatever the alarms say."""
    codedeploy = env.clients("codedeploy")
    [application] = codedeploy.list_applications()["applications"]
    [name] = codedeploy.list_deployment_groups(applicationName=application)["deploymentGroups"]
    where = {"applicationName": application, "deploymentGroupName": name}
    before = codedeploy.get_deployment_group(**where)["deploymentGroupInfo"]["alarmConfiguration"]

    def put(configuration: Any) -> None:
        codedeploy.update_deployment_group(
            applicationName=application, currentDeploymentGroupName=name, alarmConfiguration=configuration
        )

    put({"enabled": False, "alarms": []})
    return lambda: put(before)


CHANGES: dict[Callable[[Deployed], Callable[[], Any]], set[str]] = {
    port_80: {"No security group admits port 80"},
    the_world: {
        "No security group admits the whole world",
        "Tasks admit the load balancer alone, and the database the tasks alone",
    },
    route_through_the_other_zone: {"Each private subnet's default route leads through the NAT gateway of its own zone"},
    public_bucket: {
        "The buckets block all public access, and access lists are off",
        "Every bucket of the environment is private, wants TLS, and clears away what nobody needs",
    },
    suspended_versions: {
        "The buckets are encrypted and versioned",
        "Every bucket of the environment keeps versions, takes no access lists, and tells EventBridge what happens",
    },
    any_distribution: {"The buckets can be read by this distribution alone"},
    old_tls: {"The HTTPS listeners want TLS 1.2, and answer 403 to whoever lacks the secret header"},
    short_backups: {"The database keeps its backups as long as the settings say, and works in its windows"},
    movable_tags: {"Images are scanned as they are pushed, and their tags can't be moved"},
    no_rotation: {"There is a key for each kind of data, and each rotates"},
    short_logs: {"Log groups are encrypted, and kept as long as the settings say"},
    no_flow_logs: {"All traffic of the VPC is written to a log group"},
    unlogged_bucket: {"Load balancer, buckets and distribution write their access logs to the log bucket"},
    kept_uploads: {"Every bucket of the environment is private, wants TLS, and clears away what nobody needs"},
    unguarded_balancer: {
        "Distribution and load balancer stand behind web ACLs, Log4j's rules among them, that write logs"
    },
    silent_alarm: {"Alarms watch every part, and tell an encrypted topic of their region"},
    short_evidence: {"Evidence can be neither changed nor deleted before its time"},
    remote_shells: {"Each tier has an access list of its own, and none opens remote shells or desktops to the world"},
    no_zonal_shift: {"The load balancer is in the public subnets of every zone, protected, and drops invalid headers"},
    open_default_list: {"The VPC's default access list lets nothing through, and no subnet uses it"},
    everything_out: {"Nothing but HTTPS is let out to the world"},
    open_endpoint: {"Endpoints let through what concerns the account, or what a statement names, and nothing else"},
    any_header: {"What the HTTPS listener forwards carries the header that only the distribution knows"},
    all_of_s3: {"The service's roles are taken for this account alone, and their policies name what they are about"},
    trust_in_all: {"The service's roles are taken for this account alone, and their policies name what they are about"},
    suspended_log_versions: {
        "Every bucket of the environment keeps versions, takes no access lists, and tells EventBridge what happens"
    },
    quiet_bucket: {
        "Every bucket of the environment keeps versions, takes no access lists, and tells EventBridge what happens"
    },
    plain_topic: {"Topics of alarms refuse calls without TLS, and take messages from this account's alarms alone"},
    unwatched_deployments: {"CodeDeploy shifts traffic between the two target groups, and rolls back by itself"},
    more_tasks: {"The service scales on CPU within the settings' bounds"},
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_behind_our_back_is_found(clients: Clients, change: Callable[[Deployed], Callable[[], Any]]) -> None:
    """What someone changed in AWS fails exactly the checks that are about it."""
    mend = change(Deployed(clients, SETTINGS))
    try:
        assert set(failed(clients)) == CHANGES[change]
    finally:
        mend()
