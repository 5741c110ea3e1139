"""An AWS on this machine: moto's server, and what moto lacks."""

from typing import Final

ACCOUNT_ID: Final = "123456789012"
"""The account that the local AWS plays; AWS's documentation uses the same made-up number."""
