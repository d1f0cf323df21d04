"""Machines for the tests of this folder, and `mesosctl` that steers them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import Cluster
from tests.machines.image import image
from tests.machines.machine import Machine, machines


@dataclass
class Machines:
    """What a Cluster asks of its hosts."""

    all: dict[str, Machine]

    def host(self, name: str) -> Machine:
        return self.all[name]


@dataclass
class Site(Cluster):
    """Machines, their inventory, and `mesosctl` as a user runs it."""

    lab: Machines  # type: ignore[assignment]

    def sh(self, host: str, script: str) -> str:
        return self.lab.host(host).sh(script)


SiteFactory = Callable[..., Site]


@pytest.fixture(scope="module")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteFactory]:
    """Machines that run until the module's last test: `make_site({name: roles}, **keys of the inventory)`."""
    with ExitStack() as stack:

        def make(roles: dict[str, list[str]], **keys: Any) -> Site:
            folder = tmp_path_factory.mktemp("machines")
            stack.callback(shutil.rmtree, folder)
            found = image()
            made = stack.enter_context(machines(list(roles), found, folder))
            with ThreadPoolExecutor() as pool:
                list(pool.map(Machine.start, made))
            inventory = folder / "inventory.yaml"
            hosts = {
                machine.name: {
                    "address": machine.address,
                    "roles": roles[machine.name],
                    "host_keys": [found.host_key],
                    **({"zookeeper_id": 1} if "zookeeper" in roles[machine.name] else {}),
                }
                for machine in made
            }
            document = {
                "name": "machines",
                "ssh": {"user": "root", "key": str(found.key), "connect_timeout": 60},
                "hosts": hosts,
                **keys,
            }
            inventory.write_text(yaml.safe_dump(document, sort_keys=False))
            return Site(Machines({machine.name: machine for machine in made}), inventory)

        yield make
