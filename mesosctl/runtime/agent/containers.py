"""What the agent's decisions act on: the master's connection, the executors' streams, sandboxes and processes."""

from __future__ import annotations

import os

from mesosctl.runtime import internal
from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.environment import AgentAddress, executor_environment
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.launcher import LaunchError, PosixLauncher
from mesosctl.runtime.agent.master_link import MasterLink
from mesosctl.runtime.agent.nursery import Nursery
from mesosctl.runtime.agent.records import ExecutorRecord
from mesosctl.runtime.agent.sandbox import create_sandbox, open_output, sandbox_path
from mesosctl.runtime.executor.command import command_line
from mesosctl.runtime.executor.program import TASK_USER
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.executor import Event


class Containers:
    """`agent` and `master` are set before anything happens."""

    agent: Agent
    master: MasterLink

    def __init__(self, flags: AgentFlags, address: Address, api: ExecutorApi) -> None:
        self._flags = flags
        self._address = address
        self._api = api
        self._launcher = PosixLauncher(self._exited)
        self._nursery = Nursery(self._born, self._exited)

    def to_master(self, message: internal.FromAgent) -> None:
        self.master.send(message)

    def to_executor(self, container_id: str, event: Event) -> None:
        self._api.send(container_id, event)

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        try:
            self._start(framework, executor)
        except (LaunchError, OSError, LookupError, ValueError) as error:
            self.agent.container_failed(executor.container_id, f"Failed to launch container: {error}")

    def destroy(self, executor: ExecutorRecord) -> None:
        if not self._nursery.destroy(executor.container_id):
            self._launcher.destroy(executor.container_id)

    def destroy_all(self) -> None:
        for _, executor in self.agent.ledger.executors():
            self.destroy(executor)

    def start(self) -> None:
        """Make ready for the first task. Raises OSError."""
        self._nursery.start()

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        return sandbox_path(self._flags.work_dir, agent_id.value, framework_id, executor_id, container_id)

    def _start(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        assert executor.info.command is not None
        assert self.agent.info.id is not None
        create_sandbox(executor.directory, executor.user)
        own = AgentAddress(self._address.ip, self._address.port, self.agent.info.id.value)
        grace = self._flags.executor_shutdown_grace_period
        environment = executor_environment(os.environ, own, framework, executor, grace)
        if executor.is_command:
            if executor.user is not None:
                environment[TASK_USER] = executor.user
            for name in ("stdout", "stderr"):
                open_output(executor.directory, name, executor.user).close()
            self._nursery.launch(executor.container_id, environment, executor.directory)
            return
        command = command_line(executor.info.command)
        pid = self._launcher.launch(executor.container_id, command, environment, executor.directory, executor.user)
        self._born(executor.container_id, pid)

    def _born(self, container_id: str, pid: int) -> None:
        self.agent.container_launched(container_id, pid)

    def _exited(self, container_id: str, status: int) -> None:
        self._api.close(container_id)
        self.agent.container_exited(container_id, status)
