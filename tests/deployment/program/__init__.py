"""Tests of prod_infra/deployment/program/."""
