"""Tests of prod_infra.deployment.policy."""
