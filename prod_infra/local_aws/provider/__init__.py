"""Pulumi's aws and random providers on boto3, for the local AWS."""
