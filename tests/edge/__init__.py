"""Tests of `prod_infra.edge`."""
