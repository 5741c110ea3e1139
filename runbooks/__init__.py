"""The runbooks' logic; the notebooks only call it."""
