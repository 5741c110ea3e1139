"""Tests of `prod_infra.local_aws.data_plane`."""
