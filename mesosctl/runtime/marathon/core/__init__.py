"""Marathon's decisions, without I/O: deployments, launch queue, matching of offers, kills, health, reconciliation."""
