"""Runs the suite: hosts side by side, each in a process of its own with one connection, and then the whole cluster.

pytest keeps its state in the process; so a host is the unit of work, and processes are forked before any connection
is made (they inherit the secrets that were asked for).
"""

from __future__ import annotations

import io
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.resources import as_file, files

from mesosctl.engine.causes import failure_of
from mesosctl.engine.mask import Mask
from mesosctl.errors import MesosctlError, UsageError
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.verify.outcome import WHOLE, Finding
from mesosctl.verify.plugin import Plugin

WITHOUT = ("-p", "no:terminal", "-p", "no:cacheprovider")
"""pytest neither prints nor writes."""
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


@dataclass(frozen=True, slots=True)
class _Work:
    cluster: Cluster
    selection: Selection


_work: _Work | None = None
"""What forked processes inherit; it holds secrets and so never crosses a pipe."""


def run(cluster: Cluster, selection: Selection, *, parallel: int) -> Iterator[Finding]:
    """Look at the promises, `parallel` hosts at most at a time; findings come as hosts are done, the cluster's last.

    The promises of the whole cluster are looked at where all its hosts are selected, and one of them could be asked.
    Raises UsageError for a bad expression, MesosctlError for a suite that does not run.
    """
    global _work
    _work = _Work(cluster, selection)
    names = [host.name for host in selection.hosts]
    whole = set(selection.hosts) == set(cluster.hosts)
    processes = max(1, min(parallel, len(names), PER_CPU * (os.cpu_count() or 1)))
    try:
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            asked = False
            for finding in pool.imap_unordered(_look, names):
                asked = asked or not finding.failure
                yield finding
            if whole and asked:
                yield pool.apply(_look, (WHOLE,))
    finally:
        _work = None


def _look(name: str) -> Finding:
    assert _work
    node = None if name == WHOLE else _work.cluster.host(name)
    return look(_work.cluster, node, _work.selection)


def look(cluster: Cluster, node: Host | None, selection: Selection) -> Finding:
    """The promises of one host, or of the whole cluster. Raises as `run`."""
    import pytest

    from mesosctl.transport.ssh import SshTransport

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # testinfra's own plugin would ask this machine
    transport = SshTransport(cluster)
    plugin = Plugin(cluster, node, selection.role, transport.connect)
    try:
        with as_file(files("mesosctl.verify").joinpath("suite")) as suite:
            arguments = [str(suite), "-c", os.devnull, f"--rootdir={suite}", *WITHOUT]
            words = ["-k", selection.words] if selection.words else []
            with redirect_stderr(io.StringIO()) as said:
                status = pytest.main([*arguments, *words], [plugin])
    finally:
        transport.close()
    if status is pytest.ExitCode.USAGE_ERROR:
        raise UsageError(said.getvalue().strip().removeprefix("ERROR: "), fix="give words, joined by and, or, not")
    if plugin.defects:
        raise MesosctlError("the suite does not run:\n" + "\n".join(plugin.defects))
    failure = failure_of(plugin.failure, Mask(cluster)) if plugin.failure else None
    return Finding(node.name if node else WHOLE, tuple(plugin.outcomes), failure)
