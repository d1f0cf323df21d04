"""Arithmetic over resources, as Mesos does it: what is there, what of it is taken, what an operation makes of it."""

from mesosctl.runtime.resources.algebra import Resources
from mesosctl.runtime.resources.errors import ResourcesError
from mesosctl.runtime.resources.kinds import Form
from mesosctl.runtime.resources.operations import Conversion, apply, conversions, with_checkpointed
from mesosctl.runtime.resources.quantities import Quantities
from mesosctl.runtime.resources.roles import check_role
from mesosctl.runtime.resources.summary import counts, summary

__all__ = [
    "Conversion",
    "Form",
    "Quantities",
    "Resources",
    "ResourcesError",
    "apply",
    "check_role",
    "conversions",
    "counts",
    "summary",
    "with_checkpointed",
]
