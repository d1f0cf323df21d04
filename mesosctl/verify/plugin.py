"""The pytest plugin of the suite: which tests there are, what they are given, where they run, and how they ended.

The suite is collected once for all hosts. The tests of a host run in a process of its own, for pytest keeps what it
does in the process; each such process is a copy of the one that collected.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from testinfra.host import Host

from mesosctl.engine.causes import failure_of
from mesosctl.engine.mask import Mask
from mesosctl.errors import MesosctlError
from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.transport.errors import TransportError
from mesosctl.transport.ssh import SshTransport
from mesosctl.verify.backend import Backend, Server
from mesosctl.verify.forks import side_by_side
from mesosctl.verify.http import Ask, get
from mesosctl.verify.outcome import BROKEN, HELD, NOT_THERE, WHOLE, Finding, Outcome
from mesosctl.verify.promises import CHAPTERS, MARK, Promise


class Plugin:
    """Looks at what is promised of some hosts, and of the whole cluster where these are all.

    `role`: only what is promised of hosts with it. `parallel` hosts at most are looked at at a time. `tell` gets what
    was found on each, and of the cluster at last.
    """

    def __init__(
        self,
        cluster: Cluster,
        nodes: Sequence[Node],
        role: Role | None,
        *,
        parallel: int,
        tell: Callable[[Finding], None],
    ) -> None:
        self._cluster, self._nodes, self._role = cluster, nodes, role
        self._parallel, self._tell = parallel, tell
        self._transport = SshTransport(cluster)
        self._hosts: dict[str, Host] = {}
        self._lost: dict[str, TransportError] = {}
        self._place = WHOLE
        self._outcomes: list[Outcome] = []
        self._failure: TransportError | None = None
        """Why the host could not be asked, or not to the end."""
        self.defects: list[str] = []
        """What stopped pytest itself."""

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{MARK}(promise): what the test is about")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "node" in metafunc.fixturenames:
            promise = _promise(metafunc.definition)
            nodes = [node for node in self._nodes if promise.applies(self._cluster, node, self._role)]
            metafunc.parametrize("node", nodes, ids=[node.name for node in nodes])

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        assert isinstance(item, pytest.Function)
        item.user_properties += [
            ("chapter", _chapter(item)),
            ("test", item.originalname),
            ("promise", (inspect.getdoc(item.function) or item.originalname).removesuffix(".")),
        ]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._is_wanted(item)]
        items.sort(key=lambda item: CHAPTERS.index(_chapter(item)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.defects.append(report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if self.defects:
            return True
        of_places: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            of_places.setdefault(_place(item), []).append(item)
        whole = of_places.pop(WHOLE, [])

        def look(place: str) -> Finding:
            return self._look(place, of_places.get(place, whole))

        asked = not of_places
        try:
            for finding in side_by_side(list(of_places), look, self._parallel):
                asked = asked or not finding.failure
                self._tell(finding)
            if whole and asked:
                self._tell(*side_by_side([WHOLE], look, 1))
        except MesosctlError as error:
            self.defects.append(str(error))
        return True

    def pytest_internalerror(self, excrepr: object) -> None:
        self.defects.append(str(excrepr))

    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """A host that is lost is asked nothing more; what is promised of the whole cluster is broken without it."""
        if self._place != WHOLE and call.excinfo and isinstance(call.excinfo.value, TransportError):
            self._failure = call.excinfo.value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._failure or (report.when != "call" and report.passed):
            return
        properties = {name: str(value) for name, value in report.user_properties}
        message, status = "", HELD
        if report.skipped:
            status = NOT_THERE
            message = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        elif report.failed:
            status, message = BROKEN, _reason(report)
        self._outcomes.append(
            Outcome(
                host=self._place,
                chapter=properties["chapter"],
                test=properties["test"],
                promise=properties["promise"],
                status=status,
                message=message,
                seconds=report.duration,
            )
        )

    @pytest.fixture(scope="session")
    def cluster(self) -> Cluster:
        """What the inventory declares."""
        return self._cluster

    @pytest.fixture(scope="session")
    def on(self) -> Callable[[Node], Host]:
        """testinfra's host for any host of the inventory."""
        return self._on

    @pytest.fixture
    def host(self, node: Node) -> Host:
        return self._on(node)

    @pytest.fixture(scope="session")
    def ask(self) -> Ask:
        """HTTP to the programs of the cluster."""
        return lambda node, role, path: get(self._asking(node), self._cluster, node, role, path)

    def _is_wanted(self, item: pytest.Item) -> bool:
        promise = _promise(item)
        if promise.once:
            return set(self._nodes) == set(self._cluster.hosts) and promise.applies(self._cluster, None, self._role)
        return _place(item) != WHOLE  # pytest makes one without a host where there is no host for it

    def _look(self, place: str, items: Sequence[pytest.Item]) -> Finding:
        """Run the tests of a host, or of the cluster, in a process that is there for nothing else."""
        self._place = place
        try:
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failure:
                    break
        finally:
            self._transport.close()
        failure = failure_of(self._failure, Mask(self._cluster)) if self._failure else None
        return Finding(place, tuple(self._outcomes), failure)

    def _asking(self, node: Node) -> Host:
        """Who asks a node's program: the host that is looked at, as its own programs do. For the whole cluster it is
        the node itself, or any other host where that one cannot be reached."""
        if self._place != WHOLE:
            return self._on(self._cluster.host(self._place))
        for each in (node, *self._cluster.hosts):
            with suppress(TransportError):
                return self._on(each)
        return self._on(node)

    def _on(self, node: Node) -> Host:
        if node.name in self._lost:
            raise self._lost[node.name]
        if node.name not in self._hosts:
            try:
                backend = Backend(node.name, self._transport.connect(node))
            except TransportError as error:
                self._lost[node.name] = error
                raise
            self._hosts[node.name] = Server(backend)
            backend.set_host(self._hosts[node.name])
        return self._hosts[node.name]


def _chapter(item: pytest.Item) -> str:
    assert isinstance(item, pytest.Function)
    title: str = item.module.TITLE
    return title


def _promise(item: pytest.Item) -> Promise:
    mark = item.get_closest_marker(MARK)
    assert mark, f"{item.name} has no @promise"
    promise: Promise = mark.args[0]
    return promise


def _place(item: pytest.Item) -> str:
    """The name of the host that a test is for."""
    assert isinstance(item, pytest.Function)
    node = item.callspec.params.get("node") if hasattr(item, "callspec") else None
    return node.name if isinstance(node, Node) else WHOLE


def _reason(report: pytest.TestReport) -> str:
    """The words of the assertion, or of what went wrong, without its value's introspection and what to do."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text: str = crash.message if crash else report.longreprtext
    for prefix in ("AssertionError: ", "mesosctl.transport.errors.TransportError: ", "Failed: "):
        text = text.removeprefix(prefix)
    return text.strip().partition("\n")[0]
