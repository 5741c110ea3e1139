"""Finds the deployed environment by its tags and by what hangs together; asks AWS, never the state."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from prod_infra.deployment.clients import AwsClients
from prod_infra.naming import PROJECT
from prod_infra.settings import Settings

GLOBAL_REGION = "us-east-1"
"""Where CloudFront's certificates are."""


class NotFoundError(LookupError):
    """What a check looks for is not there."""

    def __str__(self) -> str:
        return str(self.args[0])


def only(items: list[Any], what: str) -> Any:
    """Return the one item.

    Raises:
        NotFoundError: there is none, or more than one.
    """
    if len(items) != 1:
        raise NotFoundError(f"there {'is no' if not items else f'are {len(items)}'} {what}")
    return items[0]


class Deployed:
    """The environment as AWS's API shows it; each call is made once, when a check first needs it.

    Args:
        clients: boto3 clients by service and region.
        settings: what the environment is meant to be.
    """

    def __init__(self, clients: AwsClients, settings: Settings) -> None:
        self.clients = clients
        self.settings = settings
        self._aliases: dict[str, dict[str, str]] = {}

    def pages(self, service: str, operation: str, key: str, region: str | None = None, **arguments: Any) -> list[Any]:
        """Return every item of a paginated call."""
        paginator = self.clients(service, region).get_paginator(operation)
        return [item for page in paginator.paginate(**arguments) for item in page.get(key, ())]

    def _of_vpc(self, operation: str, key: str, filter_name: str = "vpc-id") -> list[Any]:
        wanted = [{"Name": filter_name, "Values": [self.vpc["VpcId"]]}]
        return self.pages("ec2", operation, key, Filters=wanted)

    def tagged(self, tags: list[dict[str, str]], key: str = "Key", value: str = "Value") -> bool:
        """Return whether a resource's tags are those of this environment."""
        found = {tag[key]: tag[value] for tag in tags}
        return found.get("Project") == PROJECT and found.get("Environment") == self.settings.environment

    @cached_property
    def account(self) -> str:
        """The account's number."""
        return str(self.clients("sts").get_caller_identity()["Account"])

    @cached_property
    def vpc(self) -> dict[str, Any]:
        """The VPC."""
        found = [vpc for vpc in self.pages("ec2", "describe_vpcs", "Vpcs") if self.tagged(vpc.get("Tags", []))]
        what = f"VPC with the tags Project={PROJECT} and Environment={self.settings.environment}"
        return dict(only(found, what))

    @cached_property
    def subnets(self) -> dict[str, dict[str, Any]]:
        """Subnets of the VPC by ID."""
        return {subnet["SubnetId"]: subnet for subnet in self._of_vpc("describe_subnets", "Subnets")}

    @cached_property
    def route_tables(self) -> dict[str, dict[str, Any]]:
        """Route tables by the ID of the subnet that uses them."""
        tables = self._of_vpc("describe_route_tables", "RouteTables")
        return {
            use["SubnetId"]: table for table in tables for use in table.get("Associations", ()) if "SubnetId" in use
        }

    def default_route(self, subnet_id: str) -> dict[str, Any]:
        """Return a subnet's route to 0.0.0.0/0, or an empty dict."""
        routes = self.route_tables.get(subnet_id, {}).get("Routes", ())
        return next((route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"), {})

    @cached_property
    def public_subnets(self) -> dict[str, dict[str, Any]]:
        """Subnets whose default route is the internet gateway, by ID."""
        return {
            subnet_id: subnet
            for subnet_id, subnet in self.subnets.items()
            if self.default_route(subnet_id).get("GatewayId", "").startswith("igw-")
        }

    @cached_property
    def private_subnets(self) -> dict[str, dict[str, Any]]:
        """All other subnets, by ID."""
        return {name: subnet for name, subnet in self.subnets.items() if name not in self.public_subnets}

    @cached_property
    def nat_gateways(self) -> dict[str, dict[str, Any]]:
        """Available NAT gateways of the VPC by ID."""
        found = self._of_vpc("describe_nat_gateways", "NatGateways")
        return {nat["NatGatewayId"]: nat for nat in found if nat["State"] == "available"}

    @cached_property
    def network_acls(self) -> list[dict[str, Any]]:
        """Network access lists of the VPC."""
        return self._of_vpc("describe_network_acls", "NetworkAcls")

    @cached_property
    def security_groups(self) -> dict[str, dict[str, Any]]:
        """Security groups of the VPC by ID."""
        return {group["GroupId"]: group for group in self._of_vpc("describe_security_groups", "SecurityGroups")}

    @cached_property
    def vpc_endpoints(self) -> dict[str, dict[str, Any]]:
        """VPC endpoints by the last part of their service's name, such as `ecr.api`."""
        found = self._of_vpc("describe_vpc_endpoints", "VpcEndpoints")
        prefix = f"com.amazonaws.{self.settings.region}."
        return {endpoint["ServiceName"].removeprefix(prefix): endpoint for endpoint in found}

    @cached_property
    def load_balancer(self) -> dict[str, Any]:
        """The load balancer in the VPC."""
        found = self.pages("elbv2", "describe_load_balancers", "LoadBalancers")
        return dict(only([lb for lb in found if lb["VpcId"] == self.vpc["VpcId"]], "load balancer in the VPC"))

    @cached_property
    def listeners(self) -> dict[int, dict[str, Any]]:
        """Listeners of the load balancer by port."""
        arn = self.load_balancer["LoadBalancerArn"]
        found = self.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn)
        return {listener["Port"]: listener for listener in found}

    @cached_property
    def target_groups(self) -> list[dict[str, Any]]:
        """Target groups in the VPC."""
        found = self.pages("elbv2", "describe_target_groups", "TargetGroups")
        return [group for group in found if group.get("VpcId") == self.vpc["VpcId"]]

    @cached_property
    def service(self) -> dict[str, Any]:
        """The ECS service whose tasks are in the VPC's subnets."""
        ecs = self.clients("ecs")
        found: list[dict[str, Any]] = []
        for cluster in self.pages("ecs", "list_clusters", "clusterArns"):
            arns = self.pages("ecs", "list_services", "serviceArns", cluster=cluster)
            found += ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []
        # A deployment by CodeDeploy keeps the network in its task sets; ECS shows the service's own as well.
        return dict(only([service for service in found if self._network(service)["subnets"]], "ECS service"))

    def _network(self, service: dict[str, Any]) -> dict[str, Any]:
        network: dict[str, Any] = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        return {**network, "subnets": [name for name in network.get("subnets", ()) if name in self.subnets]}

    @cached_property
    def task_definition(self) -> dict[str, Any]:
        """The service's task definition."""
        arn = self.service["taskDefinition"]
        return dict(self.clients("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"])

    @cached_property
    def distribution(self) -> dict[str, Any]:
        """The CloudFront distribution that answers for the domain: ARN, status, domain name and configuration."""
        cloudfront = self.clients("cloudfront")
        pages = cloudfront.get_paginator("list_distributions").paginate()
        found = [item for page in pages for item in page["DistributionList"].get("Items", ())]
        domain = self.settings.domain_name
        ours = [item for item in found if domain in item.get("Aliases", {}).get("Items", ())]
        chosen = only(ours, f"CloudFront distribution with the alias {domain}")
        return dict(cloudfront.get_distribution(Id=chosen["Id"])["Distribution"])

    @cached_property
    def buckets(self) -> dict[str, str]:
        """Names of the buckets behind the distribution, by ID of the origin."""
        origins = self.distribution["DistributionConfig"]["Origins"]["Items"]
        return {
            origin["Id"]: origin["DomainName"].split(".s3.", 1)[0]
            for origin in origins
            if ".s3." in origin["DomainName"]
        }

    @cached_property
    def database(self) -> dict[str, Any]:
        """The environment's DocumentDB cluster in the VPC."""
        groups = self.pages("docdb", "describe_db_subnet_groups", "DBSubnetGroups")
        here = {group["DBSubnetGroupName"] for group in groups if group["VpcId"] == self.vpc["VpcId"]}
        found = self.pages("docdb", "describe_db_clusters", "DBClusters")
        ours = [cluster for cluster in found if cluster["DBSubnetGroup"] in here and self._is_own(cluster)]
        return dict(only(ours, "DocumentDB cluster"))

    def _is_own(self, cluster: dict[str, Any]) -> bool:
        """Return whether a cluster has the environment's tags: a restored one beside it has not."""
        tags = self.clients("docdb").list_tags_for_resource(ResourceName=cluster["DBClusterArn"])["TagList"]
        return self.tagged(tags)

    @cached_property
    def database_instances(self) -> list[dict[str, Any]]:
        """Instances of the DocumentDB cluster."""
        found = self.pages("docdb", "describe_db_instances", "DBInstances")
        name = self.database["DBClusterIdentifier"]
        return [instance for instance in found if instance.get("DBClusterIdentifier") == name]

    @cached_property
    def secrets(self) -> list[dict[str, Any]]:
        """Secrets of this environment, without their values."""
        found = self.pages("secretsmanager", "list_secrets", "SecretList")
        return [secret for secret in found if self.tagged(secret.get("Tags", []))]

    @property
    def database_logs(self) -> list[str]:
        """Logs that the database writes to CloudWatch."""
        return list(self.database.get("EnabledCloudwatchLogsExports", ()))

    @cached_property
    def repositories(self) -> list[dict[str, Any]]:
        """Image repositories of this environment."""
        ecr = self.clients("ecr")
        found = self.pages("ecr", "describe_repositories", "repositories")
        return [
            item for item in found if self.tagged(ecr.list_tags_for_resource(resourceArn=item["repositoryArn"])["tags"])
        ]

    @cached_property
    def own_buckets(self) -> dict[str, str]:
        """Buckets of this environment: name by the tag `Name`."""
        s3 = self.clients("s3")
        found: dict[str, str] = {}
        for bucket in s3.list_buckets()["Buckets"]:
            try:
                tags = s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]
            except ClientError:  # one without tags is not ours
                continue
            if self.tagged(tags):
                found[next(tag["Value"] for tag in tags if tag["Key"] == "Name")] = bucket["Name"]
        return found

    def bucket(self, purpose: str) -> str:
        """Return the bucket for a purpose, such as `evidence`."""
        found = [bucket for name, bucket in self.own_buckets.items() if name.endswith(f"-{purpose}")]
        return str(only(found, f"bucket for {purpose}"))

    def key(self, purpose: str, region: str | None = None) -> str:
        """Return the ID of the key to which the alias for a purpose leads."""
        where = region or self.settings.region
        if where not in self._aliases:
            found = self.pages("kms", "list_aliases", "Aliases", where)
            self._aliases[where] = {alias["AliasName"]: alias.get("TargetKeyId", "") for alias in found}
        name = f"alias/{self.settings.environment}-{purpose}"
        if name not in self._aliases[where]:
            raise NotFoundError(f"there is no key {name} in {where}")
        return self._aliases[where][name]

    def log_groups(self, region: str) -> list[dict[str, Any]]:
        """Return the log groups of this environment in a region."""
        logs = self.clients("logs", region)
        found = self.pages("logs", "describe_log_groups", "logGroups", region)
        tags = [logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"] for group in found]
        pairs = zip(found, tags, strict=True)
        return [group for group, own in pairs if self.tagged([{"Key": k, "Value": v} for k, v in own.items()])]

    def alarms(self, region: str) -> list[dict[str, Any]]:
        """Return the metric alarms of this environment in a region."""
        cloudwatch = self.clients("cloudwatch", region)
        found = self.pages("cloudwatch", "describe_alarms", "MetricAlarms", region)
        return [
            alarm
            for alarm in found
            if self.tagged(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        ]
