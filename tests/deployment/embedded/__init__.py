"""Tests of prod_infra/deployment/embedded/."""
