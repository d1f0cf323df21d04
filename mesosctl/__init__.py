"""mesosctl: the Mesos install guide as code."""

__version__ = "0.1.0"
