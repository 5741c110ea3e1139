"""Tests of what watches over the environment."""
