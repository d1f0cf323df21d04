"""What the tests of one host share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.integration.browser import WAIT_MS, chromium
from tests.integration.docker_engine import engine
from tests.integration.fake_master import FakeMaster
from tests.integration.programs import Programs
from tests.integration.zookeeper import ZooKeeper


@pytest.fixture(scope="session")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    """A ZooKeeper that runs. Tests take paths of their own, and start it again where they killed it."""
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Docker engine answers at the usual socket."""
    with engine(tmp_path_factory.mktemp("docker")):
        yield


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    """A master that the test plays."""
    with FakeMaster() as master:
        yield master


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """A master and an agent that is registered with it."""
    programs = Programs(tmp_path)
    programs.start_master()
    programs.start_agent()
    yield programs
    programs.stop()


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        yield page
