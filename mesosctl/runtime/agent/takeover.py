"""What a start of the agent makes of the one before it, as the flags say."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from mesosctl.runtime.agent.checkpoint import META, RESOURCES
from mesosctl.runtime.agent.compatibility import POLICIES, incompatible
from mesosctl.runtime.agent.orphans import find_pids
from mesosctl.runtime.agent.recovery import Found, RecoveryError, find, forget, remedy
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.resources import ResourcesError, with_checkpointed

log = logging.getLogger(__name__)

RECONNECT, CLEANUP = "reconnect", "cleanup"
MAX_REREGISTRATION_SECONDS = 15.0


def take_over(flags: AgentFlags, info: AgentInfo) -> Found:
    """What this agent goes on with; `info` is what the flags make of it.

    Raises RecoveryError, OSError, and ValueError where the flags are wrong.
    """
    for name, value, known in (
        ("recover", flags.recover, (RECONNECT, CLEANUP)),
        ("reconfiguration_policy", flags.reconfiguration_policy, POLICIES),
    ):
        if value not in known:
            raise ValueError(f"Unknown option for '{name}' flag {value}. It can be: {', '.join(known)}")
    if not 0 <= flags.executor_reregistration_timeout <= MAX_REREGISTRATION_SECONDS:
        raise ValueError("Expected --executor_reregistration_timeout to be not more than 15secs")
    found = find(flags.work_dir, strict=flags.strict)
    try:
        with_checkpointed(info.resources, found.resources)
    except ResourcesError as error:
        raise RecoveryError(
            f"Checkpointed resources are incompatible with those of this agent: {error}\n"
            "Start with resources that contain them, or remove "
            f"{Path(flags.work_dir, META, RESOURCES)} with the volumes."
        ) from None
    if found.info is None:
        return found
    problem = incompatible(flags.reconfiguration_policy, found.info, info)
    if problem and found.rebooted:
        log.warning("Falling back to recover as a new agent due to error: %s", problem)
        forget(flags.work_dir)
        return replace(found, info=None, frameworks=[])
    if problem:
        raise RecoveryError(f"{problem}\n{remedy(flags.work_dir)}")
    find_pids(found)
    return found
