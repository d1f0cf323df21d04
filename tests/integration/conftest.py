"""What the tests of one host share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.zookeeper import ZooKeeper


@pytest.fixture(scope="session")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    """A ZooKeeper that runs. Tests take paths of their own, and start it again where they killed it."""
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper"))
    server.start()
    yield server
    server.kill()
