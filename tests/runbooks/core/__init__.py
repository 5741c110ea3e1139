"""Tests of runbooks/core/."""
