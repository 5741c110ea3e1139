"""What bounds the roles of an environment, whatever their policies say: the deploy role can make no mightier one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate
"""

from __future__ import annotations

from typing import Any

from prod_infra.bootstrap.managed_policy import policy_acts
from prod_infra.bootstrap.piece import Act, Piece, Wanted
from prod_infra.deployment.account.permission import boundary


def document(wanted: Wanted) -> dict[str, Any]:
    """Return the policy: what the roles of service, deployment and flow logs need, and nothing in IAM but PassRole."""
    account, name = wanted.account, wanted.environment

    def allow(sid: str, actions: str, *resources: str, **condition: Any) -> dict[str, Any]:
        found = {"Sid": sid, "Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}
        return {**found, "Condition": condition} if condition else found

    here = {"aws:ResourceAccount": account}
    return {
        "Version": "2012-10-17",
        "Statement": [
            # These know no narrower resource: the service authorization reference lists none for them.
            allow("LogIn", "ecr:GetAuthorizationToken", "*"),
            allow("SeeAlarms", "cloudwatch:DescribeAlarms", "*"),
            allow(
                "PullImages",
                "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
                f"arn:aws:ecr:*:{account}:repository/{name}-*",
            ),
            allow(
                "WriteLogs",
                "logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents",
                f"arn:aws:logs:*:{account}:log-group:/{name}/*",
            ),
            allow(
                "ReadSecrets", "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{account}:secret:{name}/*"
            ),
            allow("KeepFiles", "s3:GetObject s3:PutObject", f"arn:aws:s3:::{name}-*/*", StringEquals=here),
            allow("UseKeys", "kms:Decrypt kms:GenerateDataKey", f"arn:aws:kms:*:{account}:key/*"),
            # As AWS's own policy of CodeDeploy for ECS:
            # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForECSLimited.html
            allow(
                "SwapTaskSets",
                "ecs:DescribeServices ecs:CreateTaskSet ecs:UpdateServicePrimaryTaskSet ecs:DeleteTaskSet "
                "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeListeners "
                "elasticloadbalancing:DescribeRules elasticloadbalancing:ModifyListener "
                "elasticloadbalancing:ModifyRule",
                "*",
            ),
            allow("CallHooks", "lambda:InvokeFunction", f"arn:aws:lambda:*:{account}:function:CodeDeployHook_*"),
            allow("TellOfDeployments", "sns:Publish", f"arn:aws:sns:*:{account}:CodeDeployTopic_*"),
            allow(
                "PassRoles",
                "iam:PassRole",
                f"arn:aws:iam::{account}:role/{name}-*",
                StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            ),
        ],
    }


class Boundary(Piece):
    """The policy; the deploy role can't change it, and can make and fill only roles that carry it."""

    def acts(self) -> list[Act]:
        """Make the policy, or put it right."""
        return policy_acts(self.wanted, boundary(self.wanted.environment), document(self.wanted), drift=False)
