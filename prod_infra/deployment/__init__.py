"""Engines, state and the policy gate: how a program becomes an environment."""
