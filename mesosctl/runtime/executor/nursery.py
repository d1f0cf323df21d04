"""Executors that start in a moment: a process that has loaded all that they need forks one for every order.

Loading Python and our modules takes ten times longer than what a short task needs otherwise. The agent talks to this
program over a socket of datagrams (SOCK_SEQPACKET) on standard input, in JSON: a `Birth` goes in, `Born` and `Died`
come out. When the agent is gone, no more are born; those that live stay.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

import msgspec

from mesosctl.runtime.executor.enter import Preparation, enter
from mesosctl.runtime.executor.processes import adopt_orphans, children_of_self, kill_all
from mesosctl.runtime.executor.program import main as executor_main
from mesosctl.runtime.executor.user import become
from mesosctl.runtime.protocol.codec import decode, encode
from mesosctl.runtime.protocol.executor import Event

MAX_MESSAGE_BYTES = 1 << 20
PLAN = "MESOSCTL_FETCHER_PLAN"
"""Variable of a process that fetches in place of being an executor (see `mesosctl.runtime.fetcher.program`)."""


class Birth(msgspec.Struct, frozen=True):
    """An executor is wanted. Its output goes to the files stdout and stderr in its directory."""

    container_id: str
    directory: str
    environment: dict[str, str]
    preparation: Preparation = Preparation()
    command: tuple[str, list[str]] | None = None
    """Program and arguments of a framework's executor; None: a built-in one."""
    user: str | None = None
    """Who runs the command."""


class Born(msgspec.Struct, frozen=True, tag=True):
    container_id: str
    pid: int


class Died(msgspec.Struct, frozen=True, tag=True):
    """The executor has ended, and nothing that it started runs any more. `status` is that of waitpid(2)."""

    container_id: str
    status: int


def main() -> None:
    """Serve until the socket is closed. The arguments name modules that are to be loaded, too."""
    agent = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent to decide on
    decode(Event, encode(Event()))  # makes the decoder
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()
    _serve(agent)


def _serve(agent: socket.socket) -> None:
    children: dict[int, str] = {}
    adopt_orphans()
    wakeup, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    decoder = msgspec.json.Decoder(Birth)
    inputs = select.poll()
    inputs.register(agent, select.POLLIN)
    inputs.register(wakeup, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in inputs.poll()}
        if wakeup.fileno() in ready:
            wakeup.recv(4096)
            _bury(agent, children)
        if agent.fileno() in ready:
            try:
                message = agent.recv(MAX_MESSAGE_BYTES)
            except ConnectionError:
                return
            if not message:
                return
            birth = decoder.decode(message)
            pid = os.fork()
            if pid == 0:
                _live(birth, [agent, wakeup, writer])
            children[pid] = birth.container_id
            _tell(agent, Born(birth.container_id, pid))


def _bury(agent: socket.socket, children: dict[int, str]) -> None:
    """Report the executors that have ended. What is left of their sessions is killed while their ids are still taken.

    What they leave behind becomes a child of the nursery: where there is none, nothing has to be searched for.
    """
    while children_of_self():
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return
        if ended.si_pid in children and children_of_self() - children.keys():
            kill_all(ended.si_pid)
        _, status = os.waitpid(ended.si_pid, 0)
        if ended.si_pid in children:
            _tell(agent, Died(children.pop(ended.si_pid), status))


def _tell(agent: socket.socket, message: Born | Died) -> None:
    with suppress(OSError):  # the agent is gone: the next receive says so
        agent.send(msgspec.json.encode(message))


def _live(birth: Birth, inherited: list[socket.socket]) -> NoReturn:
    """The life of a child."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in inherited:
            each.close()
        os.chdir(birth.directory)
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(name, os.O_WRONLY | os.O_APPEND)
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(birth.environment)
        enter(birth.preparation)
        if birth.command:
            become(birth.user)
            os.execv(*birth.command)
        if PLAN in birth.environment:
            from mesosctl.runtime.fetcher import program as fetcher  # what it needs is loaded where it is needed

            fetcher.main(birth.environment)
        else:
            executor_main()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
