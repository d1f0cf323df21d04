"""The version of Apache Mesos whose protocol the runtime speaks. Clients want dotted integers."""

VERSION = "1.11.0"
