"""The environment of executors (docs/executor-http-api.md of Apache Mesos, "Executor Environment Variables")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesosctl.runtime.agent.records import ExecutorRecord
from mesosctl.runtime.agent.tokens import Tokens
from mesosctl.runtime.executor.command import with_environment
from mesosctl.runtime.executor.endpoint import HOSTNAME, TOKEN
from mesosctl.runtime.flags.kinds import format_duration
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.tls import executor_variables

_OWN = ("MESOS_", "LIBPROCESS_")
"""Variables of the agent itself, which executors do not inherit."""


@dataclass(frozen=True)
class AgentAddress:
    ip: str
    port: int
    agent_id: str
    hostname: str = ""
    tokens: Tokens | None = None
    """What executors' tokens are made with, where they need one."""


def executor_environment(
    inherited: Mapping[str, str],
    agent: AgentAddress,
    framework: FrameworkInfo,
    executor: ExecutorRecord,
    shutdown_grace_period: float,
    recovery_timeout: float,
    subscription_backoff_max: float,
) -> dict[str, str]:
    """All variables of an executor's process. `inherited`: the agent's environment; times are in seconds."""
    grace = executor.info.shutdown_grace_period
    seconds = grace.nanoseconds / 1e9 if grace else shutdown_grace_period
    own = {
        "MESOS_AGENT_ENDPOINT": f"{agent.ip}:{agent.port}",
        "MESOS_SLAVE_ID": agent.agent_id,
        "MESOS_SLAVE_PID": f"slave(1)@{agent.ip}:{agent.port}",
        "MESOS_FRAMEWORK_ID": framework.id.value if framework.id else "",
        "MESOS_EXECUTOR_ID": executor.id,
        "MESOS_DIRECTORY": executor.directory,
        "MESOS_SANDBOX": executor.directory,
        "MESOS_CONTAINER_IP": agent.ip,
        "MESOS_CHECKPOINT": "1" if framework.checkpoint else "0",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": format_duration(seconds),
        "MESOS_HTTP_COMMAND_EXECUTOR": "1" if executor.is_command else "0",
        "LIBPROCESS_IP": agent.ip,
        "LIBPROCESS_PORT": "0",
    }
    if framework.checkpoint:
        own |= {
            "MESOS_RECOVERY_TIMEOUT": format_duration(recovery_timeout),
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": format_duration(subscription_backoff_max),
        }
    if agent.tokens:
        own[TOKEN] = agent.tokens.token(own["MESOS_FRAMEWORK_ID"], executor.id, executor.container_id)
    if variables := executor_variables(inherited):
        own |= {**variables, HOSTNAME: agent.hostname}
    environment = {name: value for name, value in inherited.items() if not name.startswith(_OWN)}
    if not executor.is_command:  # the command executor gives it to its task only
        environment = with_environment(
            environment, executor.info.command.environment if executor.info.command else None
        )
    return environment | own
