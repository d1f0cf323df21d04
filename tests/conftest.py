"""What several folders of tests share: hosts of a throw-away lab, and a state folder of the test session's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import hypothesis
import pytest

from mesosctl import lab
from mesosctl.lab import ImageKind, Lab
from tests.workers import LONG, Groups, group_of, is_right

CHANCE = bool(os.environ.get("MESOSCTL_TESTS_BY_CHANCE"))
"""Whether generated cases are new ones each time (`make fuzz`). A change is judged by the same ones as the last."""
hypothesis.settings.register_profile("mesosctl", deadline=None, derandomize=not CHANCE)
hypothesis.settings.load_profile("mesosctl")

LabFactory = Callable[[str, int, ImageKind], Lab]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order in which xdist is to give them to its workers."""
    for item in items:
        if not is_right(item.path, set(getattr(item, "fixturenames", ()))):
            raise pytest.UsageError(f"{item.path} is in the wrong group: tests/workers.py has to name it")
    if "PYTEST_XDIST_WORKER" in os.environ:
        turns = {group: turn for turn, group in enumerate(LONG)}
        items.sort(key=lambda item: turns.get(group_of(item.path), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Groups:
    config.option.loadscopereorder = False
    return Groups(config, log)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, known hosts, locks and audit logs of the tests go to a folder that pytest removes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("MESOSCTL_STATE", raising=False)
        patch.delenv("MESOSCTL_INVENTORY", raising=False)
        yield


@contextmanager
def temporary_lab(name: str, hosts: int, kind: ImageKind) -> Iterator[Lab]:
    """A lab that goes away when the block ends. A small machine cannot carry the labs of all tests at once."""
    full_name = f"t{os.getpid()}-{name}"
    try:
        yield lab.up(full_name, hosts, kind)
    finally:
        lab.down(full_name)


@pytest.fixture(scope="module")
def make_lab(state_home: None) -> Iterator[LabFactory]:
    """Makes labs that go away with the module's last test: `make_lab(name, hosts, kind)`."""
    with ExitStack() as stack:
        yield lambda name, hosts, kind: stack.enter_context(temporary_lab(name, hosts, kind))


@pytest.fixture(scope="session")
def plain_host(state_home: None) -> Iterator[Lab]:
    """A lab of one host as a minimal Debian installation leaves it. Tests use paths of their own below /srv."""
    with temporary_lab("plain", 1, ImageKind.PLAIN) as made:
        yield made
