"""Every rule, by the part of the environment that it guards."""
