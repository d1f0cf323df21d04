"""What several folders of tests share: hosts of a throw-away lab, and a state folder of the test session's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from mesosctl import lab
from mesosctl.lab import ImageKind, Lab

LabFactory = Callable[[str, int, ImageKind], Lab]


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, known hosts, locks and audit logs of the tests go to a folder that pytest removes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("MESOSCTL_STATE", raising=False)
        patch.delenv("MESOSCTL_INVENTORY", raising=False)
        yield


@pytest.fixture(scope="session")
def make_lab(state_home: None) -> Iterator[LabFactory]:
    """Makes labs that go away with the session: `make_lab(name, hosts, kind)`."""
    made: list[str] = []

    def make(name: str, hosts: int, kind: ImageKind) -> Lab:
        made.append(f"t{os.getpid()}-{name}")
        return lab.up(made[-1], hosts, kind)

    yield make
    for name in made:
        lab.down(name)


@pytest.fixture(scope="session")
def plain_host(make_lab: LabFactory) -> Lab:
    """A lab of one host as a minimal Debian installation leaves it. Tests use paths of their own below /srv."""
    return make_lab("plain", 1, ImageKind.PLAIN)
