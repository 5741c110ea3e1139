"""The local provider and its handlers."""
