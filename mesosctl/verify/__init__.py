"""Whether a cluster keeps the promises of the guide: a testinfra suite that asks the hosts over SSH.

`suite/` holds a test for each promise, in modules by chapter of the guide; `run.run` runs them for the hosts of an
inventory. What is expected comes from the inventory alone: nothing is shared with the chapter tasks, which would
otherwise vouch for themselves. Nothing is changed on a host.
"""
