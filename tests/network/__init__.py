"""Tests of `prod_infra.network`."""
