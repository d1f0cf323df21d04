"""Labs that live only as long as the tests of one module: the kernel carries few hosts at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mesosctl import lab
from mesosctl.lab import ImageKind
from tests.cluster.conftest import Cluster
from tests.conftest import LabFactory


@contextmanager
def cluster_of(
    make_lab: LabFactory, name: str, roles: dict[str, str], kind: ImageKind, folder: Path
) -> Iterator[Cluster]:
    """A lab with one host for each of `roles` (host name: roles with spaces between), and its inventory."""
    made = make_lab(name, len(roles), kind)
    try:
        cluster = Cluster(made, folder / "inventory.yaml")
        cluster.inventory.write_text(made.inventory_text())

        def assign(document: dict[str, Any]) -> None:
            for host, words in roles.items():
                document["hosts"][host]["roles"] = words.split()
                if "zookeeper" not in words:
                    document["hosts"][host].pop("zookeeper_id", None)

        cluster.edit(assign)
        yield cluster
    finally:
        lab.down(made.name)


def leftovers(cluster: Cluster, host: str) -> list[str]:
    """Temporary files that a run has left on a host."""
    return cluster.sh(host, "find /etc /opt /root /usr /var/lib -name '*.mesosctl-new*'").split()
