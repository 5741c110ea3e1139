"""VPC, NAT gateways, security groups and VPC endpoints."""
