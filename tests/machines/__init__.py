"""Hosts with a kernel of their own, for what containers share with this machine. Part of `make test-slow`."""
