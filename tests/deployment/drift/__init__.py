"""Tests of prod_infra.deployment.drift.drift."""
