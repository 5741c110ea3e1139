"""Tests of runbooks/running/."""
