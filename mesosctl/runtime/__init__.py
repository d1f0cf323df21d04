"""The components that a cluster runs: a Mesos master, agents and executors, and a Marathon.

A world of its own: nothing here imports the toolkit, and the toolkit imports nothing of it.
"""
