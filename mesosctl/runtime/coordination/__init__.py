"""Who leads, and what must outlive a leader: detection and election on ZooKeeper, and the registry's storage.

`address` reads what names a master (`zk://…`, `file://…`, host:port); `session` is a ZooKeeper session for asyncio;
`detection` tells who leads, `election` makes this process a candidate.
"""
