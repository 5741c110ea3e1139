"""A tour of every operation that the extensions of the local AWS add or change, each answered with success once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prod_infra.local_aws.clients import Clients
from tests.conftest import REGION
from tests.local_aws.environment import issued_certificate, load_balancer, network
from tests.local_aws.test_cloudfront import CONTROL, several
from tests.local_aws.tour_compute import auto_scaling, code_deploy, ec2, ecs, zonal_shift
from tests.local_aws.tour_data import docdb, secrets
from tests.local_aws.tour_refusals import refusals


def acm(clients: Clients) -> None:
    """Certificates."""
    arn = issued_certificate(clients)
    client = clients("acm", "us-east-1")
    client.describe_certificate(CertificateArn=arn)
    client.delete_certificate(CertificateArn=arn)


def cloudfront(clients: Clients) -> None:
    """A distribution with what it takes, and the managed policies."""
    client = clients("cloudfront")
    control = client.create_origin_access_control(OriginAccessControlConfig=CONTROL)
    name = control["OriginAccessControl"]["Id"]
    found = client.get_origin_access_control_config(Id=name)
    client.update_origin_access_control(
        Id=name, IfMatch=found["ETag"], OriginAccessControlConfig=CONTROL | {"Description": "y"}
    )
    for kind in ("cache_policy", "origin_request_policy", "response_headers_policy"):
        listed = getattr(client, f"list_{kind.replace('policy', 'policies')}")(Type="managed")
        items = next(value for key, value in listed.items() if key.endswith("List"))["Items"]
        policy = next(value for key, value in items[0].items() if key != "Type")["Id"]
        getattr(client, f"get_{kind}")(Id=policy)
        getattr(client, f"get_{kind}_config")(Id=policy)
    settings = {"Comment": "x", "Runtime": "cloudfront-js-2.0"}
    made = client.create_function(Name="spa", FunctionConfig=settings, FunctionCode=b"one")
    client.describe_function(Name="spa")
    client.get_function(Name="spa")
    made = client.update_function(Name="spa", IfMatch=made["ETag"], FunctionConfig=settings, FunctionCode=b"two")
    client.publish_function(Name="spa", IfMatch=made["ETag"])
    client.delete_function(Name="spa", IfMatch=client.describe_function(Name="spa")["ETag"])
    bucket = {
        "Id": "site",
        "DomainName": f"site.s3.{REGION}.amazonaws.com",
        "OriginAccessControlId": name,
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behaviour = {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": client.list_cache_policies(Type="managed")["CachePolicyList"]["Items"][0]["CachePolicy"]["Id"],
    }
    config: dict[str, Any] = {
        "CallerReference": "one",
        "Comment": "",
        "Enabled": True,
        "Origins": several(bucket),
        "DefaultCacheBehavior": behaviour,
    }
    tags = {"Items": [{"Key": "Name", "Value": "x"}]}
    made = client.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": config, "Tags": tags})
    client.create_distribution(DistributionConfig=config | {"CallerReference": "two"})
    of = {"Id": made["Distribution"]["Id"]}
    client.get_distribution(**of)
    found = client.get_distribution_config(**of)
    changed = client.update_distribution(
        **of, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"] | {"Enabled": False}
    )
    client.delete_distribution(**of, IfMatch=changed["ETag"])
    spare = client.create_origin_access_control(OriginAccessControlConfig=CONTROL | {"Name": "spare"})
    client.delete_origin_access_control(Id=spare["OriginAccessControl"]["Id"], IfMatch=spare["ETag"])


def cloudwatch(clients: Clients) -> None:
    """Metrics, an alarm that changes its state, and its history."""
    client, now = clients("cloudwatch"), datetime.now(UTC)
    client.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Errors", "Value": 3.0, "Timestamp": now}])
    metric = {"Namespace": "App", "MetricName": "Errors", "Period": 60, "Statistic": "Sum"}
    client.put_metric_alarm(
        AlarmName="errors", **metric, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold"
    )
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a tour", StateReasonData="{}")
    client.describe_alarms(AlarmNames=["errors"])
    client.describe_alarm_history(AlarmName="errors")
    span = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=5)}
    client.get_metric_statistics(Namespace="App", MetricName="Errors", Period=60, Statistics=["Sum"], **span)
    stat = {"Metric": {"Namespace": "App", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m", "MetricStat": stat}, {"Id": "e", "Expression": "m * 2"}]
    client.get_metric_data(MetricDataQueries=queries, **span)


def others(clients: Clients) -> None:
    """Single operations of IAM, KMS, Logs, S3 and WAF."""
    iam, kms, logs, s3, waf = (clients(each) for each in ("iam", "kms", "logs", "s3", "wafv2"))
    iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    provider = iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )["OpenIDConnectProviderArn"]
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.describe_key(KeyId=key)
    kms.get_public_key(KeyId=kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])
    logs.create_log_group(logGroupName="app")
    logs.associate_kms_key(logGroupName="app", kmsKeyId=key)
    logs.disassociate_kms_key(logGroupName="app")
    s3.create_bucket(Bucket="tour", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(Bucket="tour", NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.get_bucket_notification_configuration(Bucket="tour")
    s3.put_object(Bucket="tour", Key="x", Body=b"x")
    sampled = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "x"}
    acl = waf.create_web_acl(Name="x", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=sampled)
    balancer = load_balancer(clients, network(clients))["balancer"]
    waf.associate_web_acl(WebACLArn=acl["Summary"]["ARN"], ResourceArn=balancer)
    waf.list_resources_for_web_acl(WebACLArn=acl["Summary"]["ARN"], ResourceType="APPLICATION_LOAD_BALANCER")


STOPS: Final[tuple[Callable[[Clients], None], ...]] = (
    acm, auto_scaling, cloudfront, cloudwatch, code_deploy, docdb, ec2, ecs, zonal_shift, secrets, others, refusals,
)  # fmt: skip
