"""Tests of runbooks/probes/."""
