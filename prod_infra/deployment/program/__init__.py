"""Runs a Pulumi program in process and notes what it registers."""
