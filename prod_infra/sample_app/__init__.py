"""The sample application: what a rehearsal deploys where a real one has no image yet."""
