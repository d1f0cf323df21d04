"""Throw-away hosts on this machine: containers with systemd, sshd, an address and a name of their own.

`up` makes a lab, `find` and `labs` look it up, `down` removes it, `load` brings images to its hosts; a `Lab` runs
programs on its hosts, cuts their power and their network. Needs root and a Docker engine, or the programs to start one.
"""

from mesosctl.lab.hosts import Lab, LabError, LabHost
from mesosctl.lab.image import ImageKind
from mesosctl.lab.lifecycle import down, find, labs, up
from mesosctl.lab.load import load

__all__ = ["ImageKind", "Lab", "LabError", "LabHost", "down", "find", "labs", "load", "up"]
