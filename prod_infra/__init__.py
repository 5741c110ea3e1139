"""A production AWS environment, defined with Pulumi."""
