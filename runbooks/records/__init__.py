"""What a run leaves behind: record, manifest, report."""
