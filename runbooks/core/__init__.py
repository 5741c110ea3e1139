"""What every runbook is made of: its run, steps, journal, lock, approval, waits and undo."""
