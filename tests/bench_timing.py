"""Times a command as a whole process."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


def timed(command: list[str], folder: Path) -> float:
    """Return the seconds that a command takes in a folder.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    start = time.perf_counter()
    told = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if told.returncode:
        raise RuntimeError(f"{' '.join(command)} exited {told.returncode}: {(told.stdout + told.stderr)[-1000:]}")
    return seconds
