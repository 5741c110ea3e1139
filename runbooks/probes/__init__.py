"""Requests from outside while a runbook acts, and what they say."""
