"""Tests of `prod_infra.data`."""
