"""The folder of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prod_infra.errors import LockError
from runbooks.core.run_folder import FOLDER, require_end


def test_folder_of_a_kernel_that_lives_is_left_alone(tmp_path: Path) -> None:
    """While an engine's kernel is there, wherever it stands, nobody takes its run back; its end frees it."""
    code = (
        "import time; from runbooks.core.run_folder import own_folder\n"
        "own_folder('drill'); print('has it', flush=True); time.sleep(300)"
    )
    environ = {**os.environ, FOLDER: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ) as kernel:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "has it\n"
        with pytest.raises(LockError, match=f"{tmp_path.name} is still at work"):
            require_end(tmp_path, patience=0)
        kernel.kill()
    require_end(tmp_path, patience=0)
