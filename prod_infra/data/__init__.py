"""DocumentDB and the secrets of the application."""
