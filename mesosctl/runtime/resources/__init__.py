"""Arithmetic over resources, as Mesos does it: what is there, what of it is taken, what an operation makes of it."""

from mesosctl.runtime.resources.algebra import Resources
from mesosctl.runtime.resources.errors import ResourcesError
from mesosctl.runtime.resources.operations import Conversion, conversions
from mesosctl.runtime.resources.quantities import Quantities

__all__ = ["Conversion", "Quantities", "Resources", "ResourcesError", "conversions"]
