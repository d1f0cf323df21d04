"""The fetcher: what the URIs of a command name is put into a sandbox before the command runs.

`program` does that in a process of its own, as the task's user; `download` and `extract` are its two halves. What is
kept for several tasks is the agent's business (`mesosctl.runtime.agent.fetching`).
"""
