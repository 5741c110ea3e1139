"""The embedded engine: plans, applies, keeps Pulumi's state format, resumes after a kill."""
