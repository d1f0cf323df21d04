"""Clients written by others for Apache Mesos, unmodified: `environment` gets them from PyPI, the rest uses them."""
