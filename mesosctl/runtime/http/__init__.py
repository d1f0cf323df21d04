"""HTTP as master and agent both need it: `address` says where, `server` runs an application, `answers` writes what
Mesos would, `stream` sends RecordIO.
"""
