"""Faults on request: calls that fail, work that hangs, zones that are lost."""
