"""The whole environment in a program of one's own, and an alarm of one's own beside it."""

import pulumi
import pulumi_aws as aws

from prod_infra import ProductionEnvironment, Settings
from prod_infra.naming import standard_tags

config = pulumi.Config()
settings = Settings(
    environment="shop",
    domain_name=config.require("domain"),
    hosted_zone_name=config.get("hostedZone") or "example.com",
    instance_count=3,
    autoscaling_max_tasks=8,
)
shop = ProductionEnvironment("shop", settings)

# What the environment made is in its parts: here its service, and the topic that wakes people up.
aws.cloudwatch.MetricAlarm(
    "shop-few-tasks",
    namespace="ECS/ContainerInsights",
    metric_name="RunningTaskCount",
    dimensions={"ClusterName": shop.ecs.cluster_name, "ServiceName": shop.ecs.service_name},
    statistic="Minimum",
    period=60,
    evaluation_periods=5,
    comparison_operator="LessThanThreshold",
    threshold=2,
    treat_missing_data="breaching",
    alarm_description="Fewer than two tasks have been running for five minutes.",
    alarm_actions=[shop.notifications.topic_arn],
    tags=standard_tags(settings.environment),
)

pulumi.export("siteUrl", f"https://{settings.domain_name}")
pulumi.export("alarmTopicArn", shop.notifications.topic_arn)
pulumi.export("databaseEndpoint", shop.docdb.endpoint)
