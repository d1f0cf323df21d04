"""Marathon's decisions, without I/O: deployments, the launch queue, matching of offers, kills, health, reconciliation."""
