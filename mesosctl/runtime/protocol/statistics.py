"""Resource usage of containers of `mesos.v1`: CPU, memory, disk, block devices, network and perf counters."""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import ContainerID, Labels, TaskID
from mesosctl.runtime.protocol.containers import CgroupInfo
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo
from mesosctl.runtime.protocol.wire import Int64, UInt32, UInt64, WireMessage


class TrafficControlStatistics(WireMessage):
    id: Annotated[str, 1]
    backlog: Annotated[UInt64 | None, 2] = None
    bytes: Annotated[UInt64 | None, 3] = None
    drops: Annotated[UInt64 | None, 4] = None
    overlimits: Annotated[UInt64 | None, 5] = None
    packets: Annotated[UInt64 | None, 6] = None
    qlen: Annotated[UInt64 | None, 7] = None
    ratebps: Annotated[UInt64 | None, 8] = None
    ratepps: Annotated[UInt64 | None, 9] = None
    requeues: Annotated[UInt64 | None, 10] = None


class IpStatistics(WireMessage):
    Forwarding: Annotated[Int64 | None, 1] = None
    DefaultTTL: Annotated[Int64 | None, 2] = None
    InReceives: Annotated[Int64 | None, 3] = None
    InHdrErrors: Annotated[Int64 | None, 4] = None
    InAddrErrors: Annotated[Int64 | None, 5] = None
    ForwDatagrams: Annotated[Int64 | None, 6] = None
    InUnknownProtos: Annotated[Int64 | None, 7] = None
    InDiscards: Annotated[Int64 | None, 8] = None
    InDelivers: Annotated[Int64 | None, 9] = None
    OutRequests: Annotated[Int64 | None, 10] = None
    OutDiscards: Annotated[Int64 | None, 11] = None
    OutNoRoutes: Annotated[Int64 | None, 12] = None
    ReasmTimeout: Annotated[Int64 | None, 13] = None
    ReasmReqds: Annotated[Int64 | None, 14] = None
    ReasmOKs: Annotated[Int64 | None, 15] = None
    ReasmFails: Annotated[Int64 | None, 16] = None
    FragOKs: Annotated[Int64 | None, 17] = None
    FragFails: Annotated[Int64 | None, 18] = None
    FragCreates: Annotated[Int64 | None, 19] = None


class IcmpStatistics(WireMessage):
    InMsgs: Annotated[Int64 | None, 1] = None
    InErrors: Annotated[Int64 | None, 2] = None
    InCsumErrors: Annotated[Int64 | None, 3] = None
    InDestUnreachs: Annotated[Int64 | None, 4] = None
    InTimeExcds: Annotated[Int64 | None, 5] = None
    InParmProbs: Annotated[Int64 | None, 6] = None
    InSrcQuenchs: Annotated[Int64 | None, 7] = None
    InRedirects: Annotated[Int64 | None, 8] = None
    InEchos: Annotated[Int64 | None, 9] = None
    InEchoReps: Annotated[Int64 | None, 10] = None
    InTimestamps: Annotated[Int64 | None, 11] = None
    InTimestampReps: Annotated[Int64 | None, 12] = None
    InAddrMasks: Annotated[Int64 | None, 13] = None
    InAddrMaskReps: Annotated[Int64 | None, 14] = None
    OutMsgs: Annotated[Int64 | None, 15] = None
    OutErrors: Annotated[Int64 | None, 16] = None
    OutDestUnreachs: Annotated[Int64 | None, 17] = None
    OutTimeExcds: Annotated[Int64 | None, 18] = None
    OutParmProbs: Annotated[Int64 | None, 19] = None
    OutSrcQuenchs: Annotated[Int64 | None, 20] = None
    OutRedirects: Annotated[Int64 | None, 21] = None
    OutEchos: Annotated[Int64 | None, 22] = None
    OutEchoReps: Annotated[Int64 | None, 23] = None
    OutTimestamps: Annotated[Int64 | None, 24] = None
    OutTimestampReps: Annotated[Int64 | None, 25] = None
    OutAddrMasks: Annotated[Int64 | None, 26] = None
    OutAddrMaskReps: Annotated[Int64 | None, 27] = None


class TcpStatistics(WireMessage):
    RtoAlgorithm: Annotated[Int64 | None, 1] = None
    RtoMin: Annotated[Int64 | None, 2] = None
    RtoMax: Annotated[Int64 | None, 3] = None
    MaxConn: Annotated[Int64 | None, 4] = None
    ActiveOpens: Annotated[Int64 | None, 5] = None
    PassiveOpens: Annotated[Int64 | None, 6] = None
    AttemptFails: Annotated[Int64 | None, 7] = None
    EstabResets: Annotated[Int64 | None, 8] = None
    CurrEstab: Annotated[Int64 | None, 9] = None
    InSegs: Annotated[Int64 | None, 10] = None
    OutSegs: Annotated[Int64 | None, 11] = None
    RetransSegs: Annotated[Int64 | None, 12] = None
    InErrs: Annotated[Int64 | None, 13] = None
    OutRsts: Annotated[Int64 | None, 14] = None
    InCsumErrors: Annotated[Int64 | None, 15] = None


class UdpStatistics(WireMessage):
    InDatagrams: Annotated[Int64 | None, 1] = None
    NoPorts: Annotated[Int64 | None, 2] = None
    InErrors: Annotated[Int64 | None, 3] = None
    OutDatagrams: Annotated[Int64 | None, 4] = None
    RcvbufErrors: Annotated[Int64 | None, 5] = None
    SndbufErrors: Annotated[Int64 | None, 6] = None
    InCsumErrors: Annotated[Int64 | None, 7] = None
    IgnoredMulti: Annotated[Int64 | None, 8] = None


class SNMPStatistics(WireMessage):
    ip_stats: Annotated[IpStatistics | None, 1] = None
    icmp_stats: Annotated[IcmpStatistics | None, 2] = None
    tcp_stats: Annotated[TcpStatistics | None, 3] = None
    udp_stats: Annotated[UdpStatistics | None, 4] = None


class DiskStatistics(WireMessage):
    source: Annotated[Resource.DiskInfo.Source | None, 1] = None
    persistence: Annotated[Resource.DiskInfo.Persistence | None, 2] = None
    limit_bytes: Annotated[UInt64 | None, 3] = None
    used_bytes: Annotated[UInt64 | None, 4] = None


class PerfStatistics(WireMessage):
    timestamp: Annotated[float, 1]
    duration: Annotated[float, 2]
    cycles: Annotated[UInt64 | None, 3] = None
    stalled_cycles_frontend: Annotated[UInt64 | None, 4] = None
    stalled_cycles_backend: Annotated[UInt64 | None, 5] = None
    instructions: Annotated[UInt64 | None, 6] = None
    cache_references: Annotated[UInt64 | None, 7] = None
    cache_misses: Annotated[UInt64 | None, 8] = None
    branches: Annotated[UInt64 | None, 9] = None
    branch_misses: Annotated[UInt64 | None, 10] = None
    bus_cycles: Annotated[UInt64 | None, 11] = None
    ref_cycles: Annotated[UInt64 | None, 12] = None
    cpu_clock: Annotated[float | None, 13] = None
    task_clock: Annotated[float | None, 14] = None
    page_faults: Annotated[UInt64 | None, 15] = None
    minor_faults: Annotated[UInt64 | None, 16] = None
    major_faults: Annotated[UInt64 | None, 17] = None
    context_switches: Annotated[UInt64 | None, 18] = None
    cpu_migrations: Annotated[UInt64 | None, 19] = None
    alignment_faults: Annotated[UInt64 | None, 20] = None
    emulation_faults: Annotated[UInt64 | None, 21] = None
    l1_dcache_loads: Annotated[UInt64 | None, 22] = None
    l1_dcache_load_misses: Annotated[UInt64 | None, 23] = None
    l1_dcache_stores: Annotated[UInt64 | None, 24] = None
    l1_dcache_store_misses: Annotated[UInt64 | None, 25] = None
    l1_dcache_prefetches: Annotated[UInt64 | None, 26] = None
    l1_dcache_prefetch_misses: Annotated[UInt64 | None, 27] = None
    l1_icache_loads: Annotated[UInt64 | None, 28] = None
    l1_icache_load_misses: Annotated[UInt64 | None, 29] = None
    l1_icache_prefetches: Annotated[UInt64 | None, 30] = None
    l1_icache_prefetch_misses: Annotated[UInt64 | None, 31] = None
    llc_loads: Annotated[UInt64 | None, 32] = None
    llc_load_misses: Annotated[UInt64 | None, 33] = None
    llc_stores: Annotated[UInt64 | None, 34] = None
    llc_store_misses: Annotated[UInt64 | None, 35] = None
    llc_prefetches: Annotated[UInt64 | None, 36] = None
    llc_prefetch_misses: Annotated[UInt64 | None, 37] = None
    dtlb_loads: Annotated[UInt64 | None, 38] = None
    dtlb_load_misses: Annotated[UInt64 | None, 39] = None
    dtlb_stores: Annotated[UInt64 | None, 40] = None
    dtlb_store_misses: Annotated[UInt64 | None, 41] = None
    dtlb_prefetches: Annotated[UInt64 | None, 42] = None
    dtlb_prefetch_misses: Annotated[UInt64 | None, 43] = None
    itlb_loads: Annotated[UInt64 | None, 44] = None
    itlb_load_misses: Annotated[UInt64 | None, 45] = None
    branch_loads: Annotated[UInt64 | None, 46] = None
    branch_load_misses: Annotated[UInt64 | None, 47] = None
    node_loads: Annotated[UInt64 | None, 48] = None
    node_load_misses: Annotated[UInt64 | None, 49] = None
    node_stores: Annotated[UInt64 | None, 50] = None
    node_store_misses: Annotated[UInt64 | None, 51] = None
    node_prefetches: Annotated[UInt64 | None, 52] = None
    node_prefetch_misses: Annotated[UInt64 | None, 53] = None


class ResourceStatistics(WireMessage):
    timestamp: Annotated[float, 1]
    processes: Annotated[UInt32 | None, 30] = None
    threads: Annotated[UInt32 | None, 31] = None
    cpus_user_time_secs: Annotated[float | None, 2] = None
    cpus_system_time_secs: Annotated[float | None, 3] = None
    cpus_limit: Annotated[float | None, 4] = None
    cpus_soft_limit: Annotated[float | None, 45] = None
    cpus_nr_periods: Annotated[UInt32 | None, 7] = None
    cpus_nr_throttled: Annotated[UInt32 | None, 8] = None
    cpus_throttled_time_secs: Annotated[float | None, 9] = None
    mem_total_bytes: Annotated[UInt64 | None, 36] = None
    mem_total_memsw_bytes: Annotated[UInt64 | None, 37] = None
    mem_limit_bytes: Annotated[UInt64 | None, 6] = None
    mem_soft_limit_bytes: Annotated[UInt64 | None, 38] = None
    mem_file_bytes: Annotated[UInt64 | None, 10] = None
    mem_anon_bytes: Annotated[UInt64 | None, 11] = None
    mem_cache_bytes: Annotated[UInt64 | None, 39] = None
    mem_rss_bytes: Annotated[UInt64 | None, 5] = None
    mem_mapped_file_bytes: Annotated[UInt64 | None, 12] = None
    mem_swap_bytes: Annotated[UInt64 | None, 40] = None
    mem_unevictable_bytes: Annotated[UInt64 | None, 41] = None
    mem_low_pressure_counter: Annotated[UInt64 | None, 32] = None
    mem_medium_pressure_counter: Annotated[UInt64 | None, 33] = None
    mem_critical_pressure_counter: Annotated[UInt64 | None, 34] = None
    disk_limit_bytes: Annotated[UInt64 | None, 26] = None
    disk_used_bytes: Annotated[UInt64 | None, 27] = None
    disk_statistics: Annotated[tuple[DiskStatistics, ...], 43] = ()
    blkio_statistics: Annotated[CgroupInfo.Blkio.Statistics | None, 44] = None
    perf: Annotated[PerfStatistics | None, 13] = None
    net_rx_packets: Annotated[UInt64 | None, 14] = None
    net_rx_bytes: Annotated[UInt64 | None, 15] = None
    net_rx_errors: Annotated[UInt64 | None, 16] = None
    net_rx_dropped: Annotated[UInt64 | None, 17] = None
    net_tx_packets: Annotated[UInt64 | None, 18] = None
    net_tx_bytes: Annotated[UInt64 | None, 19] = None
    net_tx_errors: Annotated[UInt64 | None, 20] = None
    net_tx_dropped: Annotated[UInt64 | None, 21] = None
    net_tcp_rtt_microsecs_p50: Annotated[float | None, 22] = None
    net_tcp_rtt_microsecs_p90: Annotated[float | None, 23] = None
    net_tcp_rtt_microsecs_p95: Annotated[float | None, 24] = None
    net_tcp_rtt_microsecs_p99: Annotated[float | None, 25] = None
    net_tcp_active_connections: Annotated[float | None, 28] = None
    net_tcp_time_wait_connections: Annotated[float | None, 29] = None
    net_traffic_control_statistics: Annotated[tuple[TrafficControlStatistics, ...], 35] = ()
    net_snmp_statistics: Annotated[SNMPStatistics | None, 42] = None


class ResourceUsage(WireMessage):
    class Executor(WireMessage):
        class Task(WireMessage):
            name: Annotated[str, 1]
            id: Annotated[TaskID, 2]
            resources: Annotated[tuple[Resource, ...], 3] = ()
            labels: Annotated[Labels | None, 4] = None

        executor_info: Annotated[ExecutorInfo, 1]
        container_id: Annotated[ContainerID, 4]
        allocated: Annotated[tuple[Resource, ...], 2] = ()
        statistics: Annotated[ResourceStatistics | None, 3] = None
        tasks: Annotated[tuple[ResourceUsage.Executor.Task, ...], 5] = ()

    executors: Annotated[tuple[ResourceUsage.Executor, ...], 1] = ()
    total: Annotated[tuple[Resource, ...], 2] = ()
