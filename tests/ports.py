"""TCP ports for the programs of tests: no two workers of one test run are given the same.

All are below those that the kernel takes for the near ends of connections, so that none is taken between the moment
that it is found free and the one that a program listens there.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import socket

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""The number of this process among the workers of pytest-xdist; 0 where there are none."""
_COUNT = 2000
"""Ports of each worker, of either kind; 10000 to 29999 are enough for five workers."""
SITE_PORTS = range(20000 + WORKER * _COUNT, 20000 + (WORKER + 1) * _COUNT)
"""For the tasks of a site's agents."""
TASK_PORTS = range(30000 + WORKER * 100, 30000 + (WORKER + 1) * 100)
"""For the tasks of an agent that is the only one."""
TASK_PORTS_FLAG = f"ports:[{TASK_PORTS[0]}-{TASK_PORTS[-1]}]"
"""The same, as --resources has them."""

_own = list(range(10000 + WORKER * _COUNT, 10000 + (WORKER + 1) * _COUNT))
random.shuffle(_own)
_next = itertools.cycle(_own)


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nothing listens on at an address ("" for all of them), and that was not given for long."""
    for port in itertools.islice(_next, _COUNT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise RuntimeError("all ports are taken")
