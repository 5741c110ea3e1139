"""The real Pulumi CLI: found, or installed, checked, and interrupted as a person at a terminal would."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import InvalidVersionError, create_command_error
from semver import VersionInfo

from prod_infra.errors import TargetError

MINIMUM: Final = VersionInfo(3, 230)
"""The oldest CLI whose policy packs, event stream and plans are what the engine relies on."""

OnLine = Callable[[str], object]


class PulumiCli(PulumiCommand):
    """The CLI of one path. Ctrl-C cancels the running operation, which ends its current steps and writes its state."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnLine | None = None,
        on_error: OnLine | None = None,
    ) -> CommandResult:
        """Run one command and return what it printed.

        Raises:
            CommandError: it failed.
            KeyboardInterrupt: Ctrl-C came, once the CLI has ended; a second one makes it end at once.
        """
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            # A terminal's Ctrl-C reaches every process of its group: the CLI would get it twice, which kills its steps.
            start_new_session=True,
        )
        said: tuple[list[str], list[str]] = ([], [])
        readers = [
            threading.Thread(target=_read, args=(stream, lines, callback), daemon=True)
            for stream, lines, callback in zip(
                (process.stdout, process.stderr), said, (on_output, on_error), strict=True
            )
        ]
        for reader in readers:
            reader.start()
        interrupted = False
        while True:
            try:
                code = process.wait()
                for reader in readers:
                    reader.join()
                break
            except KeyboardInterrupt:
                interrupted = True
                process.send_signal(signal.SIGINT)
        if interrupted:
            raise KeyboardInterrupt
        result = CommandResult(stdout="\n".join(said[0]), stderr="\n".join(said[1]), code=code)
        if code != 0:
            raise create_command_error(result)
        return result


def _read(stream: IO[str], lines: list[str], callback: OnLine | None) -> None:
    with stream:
        for line in stream:
            lines.append(line.rstrip())
            if callback:
                callback(line.rstrip())


def find_cli() -> PulumiCli:
    """Return the CLI on PATH, or the one that the Automation API installed before.

    Raises:
        TargetError: there is none, it is too old, or it does not run.
    """
    hint = "install it from pulumi.com/docs/install"
    root = None
    if shutil.which("pulumi") is None:
        root = _installed()
        if root is None:
            raise TargetError(
                "The Pulumi CLI is not on PATH. Nothing has happened.",
                hint=f"{hint}, or download the one that fits the SDK: `prod-infra install-cli`",
            )
    try:
        return PulumiCli(root=root, version=MINIMUM)
    except InvalidVersionError as error:
        raise TargetError(f"The Pulumi CLI does not fit: {error}", hint=f"{hint}; {MINIMUM} is the oldest") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise TargetError(f"The Pulumi CLI does not run: {error}", hint=hint) from error


def install_cli() -> PulumiCli:
    """Return the CLI on PATH; where there is none, download the one that fits the SDK to where `find_cli` looks.

    Raises:
        TargetError: it can't be had, is too old, or does not run.
    """
    try:
        if shutil.which("pulumi") is None:
            PulumiCommand.install()
    except Exception as error:
        raise TargetError(
            f"The Pulumi CLI can't be downloaded: {error}. Nothing has happened.",
            hint="install it from pulumi.com/docs/install, by whatever way this machine has, onto PATH",
        ) from error
    return find_cli()


def _installed() -> str | None:
    """Return the root of the newest CLI that `PulumiCommand.install` has put into the home folder."""
    versions = Path.home() / ".pulumi" / "versions"
    found = [
        path for path in versions.glob("*") if (path / "bin" / "pulumi").exists() and VersionInfo.is_valid(path.name)
    ]
    return str(max(found, key=lambda path: VersionInfo.parse(path.name))) if found else None
