"""A tiny runbook that proves the core: it tags a queue twice, and takes that back."""
