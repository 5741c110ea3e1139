"""Tests of runbooks/records/."""
