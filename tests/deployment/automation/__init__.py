"""Tests of prod_infra.deployment.automation."""
