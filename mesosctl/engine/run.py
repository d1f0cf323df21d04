"""A run: some hosts, and one program per host and stage.

Hosts work side by side in a sliding window; a host that fails drops out, the others go on. `Run` keeps a connection per
host from its first program to its last, collects the report, and holds the cluster's locks while it may write.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from mesosctl.engine import audit, lock, upload
from mesosctl.engine.causes import failure_of
from mesosctl.engine.facts import Facts
from mesosctl.engine.gather import gather
from mesosctl.engine.host_program import HostProgram
from mesosctl.engine.mask import Mask
from mesosctl.engine.report import Failure, HostReport, Listener, Report, Result, Silent, StageResult, Status
from mesosctl.errors import RefusedError
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.program import PLAN, Lock, Mode, compile_program
from mesosctl.resources.reader import Reader
from mesosctl.resources.types import Resource
from mesosctl.transport import Connection, Transport
from mesosctl.transport.errors import TransportError

FACTS_STAGE = "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    parallel: int = 32
    """Hosts worked on at the same time."""
    host_timeout: float = 1800.0
    """Seconds that one stage may take on one host."""
    step_timeout: int = 900
    """Seconds that one step (a package installation, the start of a service) may take."""


class Run:
    """Runs programs on hosts. A context manager: leaving it ends the connections, the locks and the audit record.

    `action` is what the report and the audit log call it. `writes` says whether the run may change hosts: then it
    holds the controller's lock of the cluster from the start (RefusedError where another run has it), and the lock of
    every host from its first program on.
    """

    def __init__(
        self,
        cluster: Cluster,
        transport: Transport,
        *,
        action: str,
        writes: bool,
        hosts: Sequence[Host] | None = None,
        listener: Listener | None = None,
        options: Options | None = None,
    ) -> None:
        self.cluster = cluster
        self.hosts = list(cluster.hosts if hosts is None else hosts)
        self.facts: dict[str, Facts] = {}
        self.options = options or Options()
        self.mask = Mask(cluster)
        run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        self.report = Report(run_id=run_id, cluster=cluster.name, action=action)
        self.report.hosts = {host.name: HostReport(host=host.name) for host in self.hosts}
        self._transport = transport
        self._listener = listener or Silent()
        self._writes = writes
        self._connections: dict[str, Connection] = {}
        self._dirty: dict[str, frozenset[str]] = {}
        self._told = threading.Lock()
        self._controller_lock: lock.ControllerLock | None = None
        self._host_lock: Lock | None = None
        self._locked: set[str] = set()
        self._started = time.monotonic()

    def __enter__(self) -> Run:
        if self._writes:
            self._controller_lock = lock.ControllerLock(self.cluster, self.report.run_id, self.report.action)
            self._host_lock = Lock(
                run=self.report.run_id,
                controller=lock.controller_id(),
                seconds=int(self.options.host_timeout) + 60,
                owner=lock.owner(),
            )
            audit.begin(self.cluster, self.report, self.mask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.report.interrupted:
                self._unlock()
            self._transport.close()
        finally:
            self.report.seconds = time.monotonic() - self._started
            if self._writes:
                audit.end(self.cluster, self.report, self.mask, error)
            if self._controller_lock:
                self._controller_lock.release()

    @property
    def alive(self) -> list[Host]:
        """The hosts that have not failed."""
        return [host for host in self.hosts if self.is_alive(host.name)]

    def is_alive(self, host: str) -> bool:
        return host in self.report.hosts and self.report.hosts[host].failure is None

    def gather(self, *, deep: bool = False) -> None:
        """Fill `facts` for every host that can be reached, and lock the hosts where the run writes.

        Raises RefusedError, with nothing changed anywhere, when another run has the lock of a host.
        """

        def work(host: Host) -> None:
            self.facts[host.name] = gather(
                self.cluster, host, partial(self._execute, host), lock=self._host_lock, deep=deep
            )
            if self._host_lock:
                self._locked.add(host.name)

        self.on_hosts(FACTS_STAGE, self.alive, work)
        locked = [host for host in self.report.hosts.values() if host.failure and host.failure.cause == "locked"]
        if locked:
            raise RefusedError(
                "another run is working on this cluster: "
                + "; ".join(f"{host.host}: {host.failure.message}" for host in locked if host.failure),
                fix="wait for it, or for its lock to expire; `mesosctl audit` shows the runs of this machine",
            )

    def on_hosts(self, stage: str, hosts: Sequence[Host], work: Callable[[Host], None], *, told: bool = True) -> None:
        """Call `work` for each host in a sliding window of `options.parallel` threads; the listener is told of the
        stage unless it is of no interest.

        A TransportError of `work` drops the host from the run. On Ctrl-C what runs is cut off, what waits is not
        begun, and KeyboardInterrupt is raised once all threads have ended.
        """
        if not hosts:
            return
        listener = self._listener if told else Silent()
        self._tell(lambda: listener.stage_started(stage, [host.name for host in hosts]))

        def guarded(host: Host) -> None:
            started = time.monotonic()
            self._tell(lambda: listener.host_started(host.name, stage))
            failure = None
            try:
                work(host)
            except TransportError as error:
                failure = failure_of(error, self.mask)
                self.report.hosts[host.name].failure = failure
                self._hang_up(host.name)
            if told:
                self.at(host, stage).seconds += time.monotonic() - started
            self._tell(lambda: listener.host_finished(host.name, stage, failure))

        with ThreadPoolExecutor(min(self.options.parallel, len(hosts)), thread_name_prefix="host") as pool:
            futures = {pool.submit(guarded, host) for host in hosts}
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException as error:
                self.report.interrupted = isinstance(error, KeyboardInterrupt)
                for future in futures:
                    future.cancel()
                self._transport.interrupt()
                raise

    def apply(self, host: Host, stage: str, resources: Sequence[Resource], mode: Mode, *, unlock: bool) -> None:
        """Take a host through the resources of a stage, and report what came of each.

        With `unlock` the host's lock is given back at the end. Raises TransportError.
        """
        report = self.report.hosts[host.name]
        results = self.at(host, stage).results

        def started(index: int) -> None:
            self._tell(lambda: self._listener.resource_started(host.name, stage, resources[index].id))

        def finished(index: int, result: Result) -> None:
            results.append(result)
            self._tell(lambda: self._listener.result(host.name, stage, result))
            if result.status is Status.PENDING:
                services = frozenset(resources[index].notify)
                self._dirty[host.name] = self._dirty.get(host.name, frozenset()) | services

        if mode.write and not mode.unset:
            self._upload(host, stage, resources)
        program = HostProgram(
            host.name,
            resources,
            mode,
            mask=self.mask,
            step_timeout=self.options.step_timeout,
            lock=self._host_lock if mode.write else None,
            unlock=unlock,
            dirty=self._dirty.get(host.name, frozenset()),
            started=started,
            finished=finished,
        )
        try:
            reader = program.run(partial(self._execute, host))
        finally:
            results.extend(program.reader.skipped())
        report.notes += [note for note in reader.notes if note not in report.notes]
        if mode.write and self._host_lock:
            (self._locked.discard if unlock else self._locked.add)(host.name)

    def look(self, host: Host, resources: Sequence[Resource]) -> Reader:
        """A dry run that is no part of the report, on any host of the cluster. Raises TransportError."""
        program = HostProgram(host.name, resources, PLAN, mask=self.mask, step_timeout=self.options.step_timeout)
        return program.run(partial(self._execute, host))

    def fail(self, host: Host, stage: str, failure: Failure) -> None:
        """Drop a host from the run."""
        self.report.hosts[host.name].failure = failure
        self._tell(lambda: self._listener.host_finished(host.name, stage, failure))

    def at(self, host: Host, stage: str) -> StageResult:
        """The report of the stage that a host has come to."""
        stages = self.report.hosts[host.name].stages
        if not stages or stages[-1].stage != stage:
            stages.append(StageResult(stage=stage))
        return stages[-1]

    def _execute(self, host: Host, program: str, on_line: Callable[[str], None]) -> None:
        self.connection(host).run(program, on_line, timeout=self.options.host_timeout)

    def connection(self, host: Host) -> Connection:
        """The host's connection, opened on first use."""
        connection = self._connections.get(host.name)
        if connection is None:
            connection = self._connections[host.name] = self._transport.connect(host)
        return connection

    def _upload(self, host: Host, stage: str, resources: Sequence[Resource]) -> None:
        for archive in upload.missing(resources, self.facts.get(host.name)):
            self._tell(partial(self._listener.resource_started, host.name, stage, archive.id))
            with archive.source.open("rb") as source:
                self.connection(host).put(source, upload.path_of(archive), timeout=self.options.host_timeout)

    def _unlock(self) -> None:
        if not self._locked or not self._host_lock:
            return
        mode = Mode(write=True)
        still = [host for host in self.hosts if host.name in self._locked and host.name in self._connections]
        program = compile_program([], mode, nonce="-", step_timeout=1, lock=self._host_lock, unlock=True)

        def work(host: Host) -> None:
            self._execute(host, program, lambda line: None)

        self.on_hosts("unlock", still, work, told=False)

    def _hang_up(self, host: str) -> None:
        connection = self._connections.pop(host, None)
        if connection:
            connection.close()

    def _tell(self, message: Callable[[], None]) -> None:
        with self._told:
            message()
