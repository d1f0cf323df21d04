"""What the main functions of master and agent do with their flags: help, version, complaints, logging."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from mesosctl.runtime.flags.declare import Flags
from mesosctl.runtime.flags.load import FlagError, load
from mesosctl.runtime.flags.usage import usage
from mesosctl.runtime.version import VERSION

F = TypeVar("F", bound=Flags)

_LEVELS = {"INFO": logging.INFO, "WARNING": logging.WARNING, "ERROR": logging.ERROR}


def start(flags: type[F], program: str) -> tuple[F, list[str]]:
    """The flags of this process and the warnings to log. Exits after --help and --version, and where they are wrong."""
    arguments = sys.argv[1:]
    if "--help" in arguments:
        sys.stdout.write(usage(flags, program))
        sys.exit(0)
    if "--version" in arguments:
        sys.stdout.write(f"mesos {VERSION}\n")
        sys.exit(0)
    name_process(program)
    try:
        return load(flags, arguments, os.environ)
    except FlagError as error:
        fail(f"{error}\n\n{usage(flags, program)}")


def name_process(program: str) -> None:
    """Let `pgrep mesos-master` and the start scripts find this process."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(program)


def fail(text: str) -> NoReturn:
    """Say on standard error why the program cannot run, and exit with status 1."""
    sys.stderr.write(text.rstrip("\n") + "\n")
    sys.exit(1)


def log_file(program: str, log_dir: str) -> str:
    """Where `log_to` writes."""
    return str(Path(log_dir, f"{program}.INFO"))


def log_to(program: str, log_dir: str | None, level: str, *, quiet: bool) -> None:
    """Log to standard error unless `quiet`, and to `log_dir/PROGRAM.INFO` where a directory is given.

    Raises OSError where the file cannot be opened.
    """
    handlers: list[logging.Handler] = []
    if not quiet:
        handlers.append(logging.StreamHandler())
    if log_dir:
        Path(log_dir).mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file(program, log_dir)))
    logging.basicConfig(
        level=_LEVELS[level], format="%(asctime)s %(levelname).1s %(name)s: %(message)s", handlers=handlers, force=True
    )
