"""The executors that an agent brings along, on the v1 executor API.

`life` is what becomes of one task, `reports` what is told of it; `core` is the command executor with its one task,
`default_core` the default executor with its task groups: all decide without I/O. `link` and `connection` speak HTTP to
the agent (their own few lines: the usual library takes longer to load than most tasks run), `process` runs a command,
`default` has the agent run nested containers, `docker` an engine; `checks` is for all. `program` chooses. `nursery`
gives birth to executors that are loaded already.
"""
