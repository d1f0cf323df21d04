"""What the older endpoints show of a master (`/state`, `/tasks` …), as plain values that become JSON."""
