"""The flags of mesos-master and mesos-agent: same names, environment, forms and defaults as Apache Mesos'.

`kinds` says how values are written, `declare` how a flag is declared, `load` reads them, `usage` writes `--help`,
`program` is what a main function calls. `master` and `agent` hold the flags themselves.
"""
