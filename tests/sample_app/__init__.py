"""Tests of `prod_infra.sample_app`."""
