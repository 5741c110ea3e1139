"""The data plane of the local AWS: real HTTPS on loopback, answered as CloudFront, the load balancer and tasks would.

A process of its own follows the control plane by `GET /_prod_infra/topology` (`prod_infra/local_aws/topology.py`).
"""
