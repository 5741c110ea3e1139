"""Pages for an auditor: one of each run, and one of all; self-contained, and readable without scripts."""

from runbooks.records.report.index_page import write_index
from runbooks.records.report.run_page import write_report

__all__ = ["write_index", "write_report"]
