"""Tests of `prod_infra.compute`."""
