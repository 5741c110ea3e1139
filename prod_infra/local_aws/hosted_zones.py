"""Public hosted zones that exist before the first deploy, as they must on a real account.

A real account owns its domain's zone before anything is deployed: registering a domain creates it. So the local AWS
starts with one for the reserved domain `example.com`, the default `domain_name`; `--hosted-zone` names others, and
`route53.create_hosted_zone` adds one to a server that runs.
"""

from __future__ import annotations

from moto.route53.models import route53_backends

from prod_infra.local_aws import ACCOUNT_ID


def seed(names: tuple[str, ...]) -> None:
    """Create an empty public zone for each domain name, such as `example.com`."""
    for name in names:
        route53_backends[ACCOUNT_ID]["aws"].create_hosted_zone(
            name=f"{name.rstrip('.')}.", private_zone=False, comment="made when the local AWS started"
        )
