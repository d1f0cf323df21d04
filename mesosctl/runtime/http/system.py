"""The host's load and memory, as Mesos' metrics and `/system/stats.json` show them."""

from __future__ import annotations

import os


def system_stats() -> dict[str, float]:
    load = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "avg_load_1min": load[0],
        "avg_load_5min": load[1],
        "avg_load_15min": load[2],
        "cpus_total": os.cpu_count() or 1,
        "mem_free_bytes": page * os.sysconf("SC_AVPHYS_PAGES"),
        "mem_total_bytes": page * os.sysconf("SC_PHYS_PAGES"),
    }


def system_metrics() -> dict[str, float]:
    return {f"system/{name.removeprefix('avg_')}": float(value) for name, value in system_stats().items()}
