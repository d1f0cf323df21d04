"""HTTP as master and agent both need it: `server` runs an application, `answers` writes what Mesos would, `stream`
sends RecordIO.
"""
