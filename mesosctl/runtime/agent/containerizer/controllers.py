"""The isolators cgroups/cpu, cgroups/mem and cgroups/pids: what each writes into the files of a container's group."""

from __future__ import annotations

import math
import os
from contextlib import suppress

from mesosctl.runtime.agent.containerizer.base import MB, Holding, used_of
from mesosctl.runtime.agent.containerizer.cgroups import CgroupIsolator, Groups
from mesosctl.runtime.agent.containerizer.isolator import Json
from mesosctl.runtime.agent.records import Ending
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import TaskStatus

SHARES_PER_CPU, MIN_SHARES = 1024, 2
WEIGHT_PER_CPU, MIN_WEIGHT, MAX_WEIGHT = 100, 1, 10_000
PERIOD_MICROSECONDS, MIN_QUOTA_MICROSECONDS = 100_000, 1000
MIN_MEMORY = 32 * MB


class CpuIsolator(CgroupIsolator):
    """Shares by what containers hold; a ceiling where they have a limit, or for all."""

    def __init__(self, *groups: Groups, enable_cfs: bool) -> None:
        """The second of the groups, where there are two, are those of cpuacct (version 1)."""
        super().__init__(*groups)
        self._enable_cfs = enable_cfs

    def limit(self, container_id: str, held: Holding, *, first: bool) -> None:
        ceiling = held.cpus_limit if held.cpus_limit is not None else held.cpus if self._enable_cfs else math.inf
        has_ceiling = 0 < ceiling < math.inf
        quota = max(int(ceiling * PERIOD_MICROSECONDS), MIN_QUOTA_MICROSECONDS) if has_ceiling else None
        write = self._main.write
        if self._main.version == 2:
            weight = min(max(int(held.cpus * WEIGHT_PER_CPU), MIN_WEIGHT), MAX_WEIGHT)
            write(container_id, "cpu.weight", weight)
            write(container_id, "cpu.max", f"{quota or 'max'} {PERIOD_MICROSECONDS}")
            return
        write(container_id, "cpu.shares", max(int(held.cpus * SHARES_PER_CPU), MIN_SHARES))
        if quota or not first:
            write(container_id, "cpu.cfs_period_us", PERIOD_MICROSECONDS)
            write(container_id, "cpu.cfs_quota_us", quota or -1)

    def usage(self, container_id: str) -> Json:
        throttling = self._main.numbers(container_id, "cpu.stat")
        if self._main.version == 2:
            user, system = throttling["user_usec"] / 1e6, throttling["system_usec"] / 1e6
            throttled = throttling.get("throttled_usec", 0) / 1e6
        else:
            ticks = os.sysconf("SC_CLK_TCK")
            times = self._groups[-1].numbers(container_id, "cpuacct.stat")
            user, system = times["user"] / ticks, times["system"] / ticks
            throttled = throttling["throttled_time"] / 1e9
        return {
            "cpus_user_time_secs": user,
            "cpus_system_time_secs": system,
            "cpus_nr_periods": throttling.get("nr_periods", 0),
            "cpus_nr_throttled": throttling.get("nr_throttled", 0),
            "cpus_throttled_time_secs": throttled,
        }


class MemoryIsolator(CgroupIsolator):
    """A limit at what containers hold: the kernel kills a process of one that goes over it, and we the rest."""

    def limit(self, container_id: str, held: Holding, *, first: bool) -> None:
        hard = held.memory_limit if held.memory_limit is not None else held.memory
        amount = None if hard == math.inf else max(int(hard), MIN_MEMORY)
        soft = max(held.memory, MIN_MEMORY)
        if self._main.version == 2:
            self._main.write(container_id, "memory.low", soft)
            if first or self._grows(container_id, amount, "memory.max"):
                self._main.write(container_id, "memory.max", "max" if amount is None else amount)
            return
        self._main.write(container_id, "memory.soft_limit_in_bytes", soft)
        if first or self._grows(container_id, amount, "memory.limit_in_bytes"):
            self._main.write(container_id, "memory.limit_in_bytes", -1 if amount is None else amount)

    def _grows(self, container_id: str, amount: int | None, name: str) -> bool:
        """A limit below what is used would kill for memory that was granted: it is never lowered, as in Mesos."""
        now = self._main.read(container_id, name).strip()
        return now != "max" and (amount is None or amount > int(now))

    def limitation(self, container_id: str) -> Ending | None:
        events = "memory.events" if self._main.version == 2 else "memory.oom_control"
        if not self._main.numbers(container_id, events).get("oom_kill"):
            return None
        limit, peak = (
            ("memory.max", "memory.peak")
            if self._main.version == 2
            else ("memory.limit_in_bytes", "memory.max_usage_in_bytes")
        )
        text = f"Memory limit exceeded: Requested: {self._megabytes(container_id, limit)}"
        used: tuple[Resource, ...] = ()
        with suppress(OSError):  # older kernels have no peak
            text += f" Maximum Used: {self._megabytes(container_id, peak)}"
            used = used_of("mem", int(self._main.read(container_id, peak)))
        return Ending(TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY, text, used)

    def _megabytes(self, container_id: str, name: str) -> str:
        value = self._main.read(container_id, name).strip()
        return f"{int(value) // MB}MB" if value.isdigit() else "unlimited"

    def usage(self, container_id: str) -> Json:
        details = self._main.numbers(container_id, "memory.stat")
        if self._main.version == 2:
            limit = self._main.read(container_id, "memory.max").strip()
            return {
                "mem_total_bytes": int(self._main.read(container_id, "memory.current")),
                "mem_limit_bytes": int(limit) if limit.isdigit() else None,
                "mem_rss_bytes": details.get("anon"),
                "mem_anon_bytes": details.get("anon"),
                "mem_cache_bytes": details.get("file"),
                "mem_file_bytes": details.get("file"),
                "mem_mapped_file_bytes": details.get("file_mapped"),
                "mem_unevictable_bytes": details.get("unevictable"),
            }
        return {
            "mem_total_bytes": int(self._main.read(container_id, "memory.usage_in_bytes")),
            "mem_limit_bytes": int(self._main.read(container_id, "memory.limit_in_bytes")),
            "mem_rss_bytes": details.get("total_rss"),
            "mem_anon_bytes": details.get("total_rss"),
            "mem_cache_bytes": details.get("total_cache"),
            "mem_file_bytes": details.get("total_cache"),
            "mem_mapped_file_bytes": details.get("total_mapped_file"),
            "mem_swap_bytes": details.get("total_swap"),
            "mem_unevictable_bytes": details.get("total_unevictable"),
        }


class PidsIsolator(CgroupIsolator):
    """Counts processes and threads. Mesos has no resource for them: what limits them is RLMT_NPROC."""

    def usage(self, container_id: str) -> Json:
        return {
            "processes": sum(1 for _ in self._main.processes(container_id)),
            "threads": int(self._main.read(container_id, "pids.current")),
        }
