"""What a Marathon must not forget: apps, groups and their versions, instances, deployments, its framework's id.

`archive` turns what the core decides into values by key, each as large as what changed, and back; `writer` keeps these
in a `coordination.registry` storage (ZooKeeper, a file), in order.
"""
