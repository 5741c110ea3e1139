"""Pulumi's own engine through its Automation API, and the local providers attached to it."""
