"""The Pulumi program: reads the stack's configuration, builds the environment, exports what people need to find it."""

from __future__ import annotations

import pulumi

from prod_infra.production import ProductionEnvironment
from prod_infra.settings import Settings


def main() -> None:
    """Run the program of the current stack.

    Raises:
        InvalidInputError: the configuration can't be right; nothing has been registered.
    """
    settings = Settings.from_config(pulumi.Config("prod-infra"))
    environment = ProductionEnvironment(settings.environment, settings)
    outputs: dict[str, pulumi.Input[str]] = {
        "siteUrl": f"https://{settings.domain_name}",
        "region": settings.region,
        "vpcId": environment.vpc.vpc_id,
        "distributionId": environment.cdn.distribution_id,
        "distributionDomainName": environment.cdn.distribution_domain_name,
        "siteBucket": environment.s3_site.bucket,
        "imagesBucket": environment.s3_images.bucket,
        "albDnsName": environment.alb.dns_name,
        "httpsListenerArn": environment.alb.https_listener_arn,
        "repositoryUrl": environment.ecr.repository_url,
        "clusterName": environment.ecs.cluster_name,
        "serviceName": environment.ecs.service_name,
        "docdbClusterIdentifier": environment.docdb.cluster_identifier,
        "docdbEndpoint": environment.docdb.endpoint,
        "docdbSecretArn": environment.docdb.secret_arn,
        "alarmTopicArn": environment.notifications.topic_arn,
        "edgeAlarmTopicArn": environment.edge_notifications.topic_arn,
        "accessLogsBucket": environment.access_logs.bucket,
        "evidenceBucket": environment.evidence.bucket,
    }
    if environment.blue_green is not None:
        outputs["codedeployApplication"] = environment.blue_green.application_name
        outputs["codedeployDeploymentGroup"] = environment.blue_green.deployment_group_name
    if environment.alb.test_listener_arn is not None:
        outputs["testListenerArn"] = environment.alb.test_listener_arn
    for name, value in outputs.items():
        pulumi.export(name, value)
