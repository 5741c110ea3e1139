"""Tests of prod_infra/deployment/account/."""
