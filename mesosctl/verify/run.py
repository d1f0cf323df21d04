"""Runs the suite over the hosts of an inventory."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.resources import as_file, files

from mesosctl.errors import MesosctlError, UsageError
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.verify.outcome import Finding

QUIETLY = ("-p", "no:terminal", "-p", "no:cacheprovider", "--capture=no")
"""pytest neither prints nor writes, and leaves what others print alone."""
PER_CPU = 4
"""Hosts looked at side by side for each processor: most of the time is the network's."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which promises are looked at."""

    hosts: tuple[Host, ...]
    role: Role | None = None
    """Only what is promised of hosts with this role."""
    words: str = ""
    """pytest's `-k`: an expression over the names of tests, modules and hosts."""


def run(cluster: Cluster, selection: Selection, *, parallel: int, tell: Callable[[Finding], None]) -> None:
    """Look at the promises, `parallel` hosts at most at a time; `tell` gets each host's as it is done, the cluster's
    last.

    A host of which nothing is promised is left alone. The promises of the whole cluster are looked at where all its
    hosts are selected, and one of them could be asked. Raises UsageError for a bad expression, MesosctlError for a
    suite that does not run.
    """
    import pytest

    from mesosctl.verify.plugin import Plugin

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # testinfra's own plugin would ask this machine
    at_most = max(1, min(parallel, PER_CPU * (os.cpu_count() or 1)))
    plugin = Plugin(cluster, selection.hosts, selection.role, parallel=at_most, tell=tell)
    words = ["-k", selection.words] if selection.words else []
    with as_file(files("mesosctl.verify").joinpath("suite")) as suite, redirect_stderr(io.StringIO()) as said:
        status = pytest.main([str(suite), "-c", os.devnull, f"--rootdir={suite}", *QUIETLY, *words], [plugin])
    if status is pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if status is pytest.ExitCode.USAGE_ERROR:
        raise UsageError(said.getvalue().strip().removeprefix("ERROR: "), fix="give words, joined by and, or, not")
    if plugin.defects:
        raise MesosctlError("the suite does not run:\n" + "\n".join(plugin.defects))
