"""The pytest plugin of the suite: which tests there are for a host, what they are given, and how they ended."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.transport import Connection
from mesosctl.transport.errors import TransportError
from mesosctl.verify.backend import Backend, Server
from mesosctl.verify.http import Ask, get
from mesosctl.verify.outcome import BROKEN, HELD, NOT_THERE, WHOLE, Outcome
from mesosctl.verify.promises import CHAPTERS, MARK, Promise


class Plugin:
    """For one host, or with `node` None for what is promised of the whole cluster."""

    def __init__(
        self, cluster: Cluster, node: Node | None, role: Role | None, connect: Callable[[Node], Connection]
    ) -> None:
        self._cluster, self._node, self._role = cluster, node, role
        self._connect = connect
        self._hosts: dict[str, Host] = {}
        self._lost: dict[str, TransportError] = {}
        self.outcomes: list[Outcome] = []
        self.defects: list[str] = []
        """What stopped pytest itself."""
        self.failure: TransportError | None = None
        """Why the host could not be asked, or not to the end."""

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{MARK}(promise): what the test is about")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        nodes = [self._node] if self._node and self._applies(metafunc.definition) else []
        if "node" in metafunc.fixturenames:
            metafunc.parametrize("node", nodes, ids=[node.name for node in nodes])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._applies(item)]
        items.sort(key=lambda item: CHAPTERS.index(_chapter(item)))

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """A host that is lost is asked nothing more; what is promised of the whole cluster is broken without it."""
        if self._node and call.excinfo and isinstance(call.excinfo.value, TransportError):
            self.failure = call.excinfo.value
            item.session.shouldstop = str(self.failure)

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
        return lambda node, role, path: get(self._on(node), self._cluster, node, role, path)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.failure or (report.when != "call" and report.passed):
            return
        properties = {name: str(value) for name, value in report.user_properties}
        message, status = "", HELD
        if report.skipped:
            status = NOT_THERE
            message = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        elif report.failed:
            status, message = BROKEN, _reason(report)
        self.outcomes.append(
            Outcome(
                host=self._node.name if self._node else WHOLE,
                chapter=properties["chapter"],
                test=properties["test"],
                promise=properties["promise"],
                status=status,
                message=message,
                seconds=report.duration,
            )
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.defects.append(report.longreprtext)

    def pytest_internalerror(self, excrepr: object) -> None:
        self.defects.append(str(excrepr))

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        assert isinstance(item, pytest.Function)
        item.user_properties += [
            ("chapter", _chapter(item)),
            ("test", item.originalname),
            ("promise", (inspect.getdoc(item.function) or item.originalname).removesuffix(".")),
        ]

    def _applies(self, item: pytest.Item) -> bool:
        mark = item.get_closest_marker(MARK)
        assert mark, f"{item.name} has no @promise"
        promise: Promise = mark.args[0]
        if promise.once != (self._node is None):
            return False
        return promise.applies(self._cluster, self._node, self._role)

    def _on(self, node: Node) -> Host:
        if node.name in self._lost:
            raise self._lost[node.name]
        if node.name not in self._hosts:
            try:
                backend = Backend(node.name, self._connect(node))
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


def _reason(report: pytest.TestReport) -> str:
    """The words of the assertion, or of what went wrong, without its value's introspection and what to do."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text: str = crash.message if crash else report.longreprtext
    for prefix in ("AssertionError: ", "mesosctl.transport.errors.TransportError: ", "Failed: "):
        text = text.removeprefix(prefix)
    return text.strip().partition("\n")[0]
