"""Which tests run at the same time, where pytest-xdist has several processes run them (`pytest -n 2`).

Tests of one group run one after another, in one process. The kernel carries 14 hosts where its settings are Debian's:
the labs of one module have 7 at most, and 6 the other group of labs.
"""

from __future__ import annotations

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

LABS = "labs"
"""Modules that make hosts of their own, and all of tests/cluster that is not FIVE: one lab after another."""
FIVE = "five"
"""Modules on the five hosts that tests/cluster makes once."""
PROGRAMS = "programs"
"""Other real programs: they share this machine's users, and some count its processes."""
LONG = (LABS, PROGRAMS, FIVE)
"""These go first, in this order. Each module of unit tests is a group by itself."""

_FOLDERS = {"cluster": LABS, "integration": PROGRAMS, "bench": PROGRAMS}
_MODULES = {
    "cluster": dict.fromkeys(("test_bootstrap", "test_marathon", "test_mesos", "test_roles", "test_verify"), FIVE),
    "integration": dict.fromkeys(("test_cli", "test_cli_cluster", "test_lab", "test_resources"), LABS),
}


def group_of(module: Path) -> str:
    folder = module.parent.name
    usual = _FOLDERS.get(folder, str(module))
    return _MODULES.get(folder, {}).get(module.stem, usual)


def is_right(module: Path, fixtures: set[str]) -> bool:
    """Whether a module with these fixtures is in the group for them."""
    if "untouched" in fixtures:
        return group_of(module) == FIVE
    return fixtures.isdisjoint(("make_lab", "plain_host")) or group_of(module) in (LABS, FIVE)


class Groups(LoadScopeScheduling):
    """Gives each process that has nothing left to do the next group."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(Path(nodeid.partition("::")[0]))
