"""The order in which the members of a voting service (ZooKeeper, masters) are restarted, so that it keeps its quorum.

While fewer than a majority serve there is nothing to lose: all start together. Otherwise members that do not serve
start first, then the others one at a time, the leader last, each only while enough others serve. A look at all
members (a dry run of the stage) precedes; the decisions here are pure.

What is no voting service is restarted all at once, but for one that goes first: a configuration that the program
refuses takes down that one and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesosctl.engine.report import Failure, Status
from mesosctl.resources.reader import Reader
from mesosctl.resources.types import Service


@dataclass(frozen=True, slots=True)
class Member:
    """What the look said of one host: its mode ("" while it takes no part), and whether its turn is a restart."""

    mode: str
    restarts: bool


def member(look: Reader) -> Member:
    """A host of the stage as the look found it."""
    restarts = any(
        isinstance(look.resources[index], Service) and "restart" in result.message.split()
        for index, result in look.results.items()
        if result.status is Status.PENDING
    )
    return Member(mode=next((mode for mode in look.members.values() if mode), ""), restarts=restarts)


def majority(voters: int) -> int:
    return voters // 2 + 1


def order(members: Mapping[str, Member], needed: int) -> tuple[list[str], list[str]]:
    """Which hosts go together, and which are restarted after them one at a time. `needed` is how many must serve, 0
    where there is no quorum to lose."""
    serving = [name for name, item in members.items() if item.mode]
    if len(serving) < needed:
        return list(members), []
    in_turn = [name for name in serving if members[name].restarts]
    in_turn.sort(key=lambda name: members[name].mode == "leader")
    return [name for name in members if name not in in_turn], in_turn


def canary(members: Mapping[str, Member]) -> tuple[list[str], list[str]]:
    """Which hosts go first, only one of them with a restart, and whose restart waits for that one to come up."""
    restarting = [name for name, item in members.items() if item.restarts]
    return [name for name in members if name not in restarting[1:]], restarting[1:]


def held_back(failed: str) -> Failure:
    """Why no other host is restarted, after one that did not come up again."""
    return Failure(
        cause="held-back",
        message=f"not restarted, since {failed} did not come up with the new configuration; it runs on as it was",
        fix=f"mend what the log of {failed} says, and run this again. Until then restart nothing here by hand: the new "
        "files are in place",
    )


def unsafe(host: str, members: Mapping[str, Member], voters: int) -> Failure | None:
    """Why the restart of this member would cost the quorum now, None when it would not."""
    others = sum(bool(item.mode) for name, item in members.items() if name != host)
    if voters < 3 or others >= majority(voters):
        return None
    return Failure(
        cause="quorum",
        message=f"not restarted: only {others} of the other {voters - 1} members serve, and the restart would cost "
        f"the quorum of {majority(voters)}",
        fix="bring the other members back first (`mesosctl status` shows them), then run this again",
    )
