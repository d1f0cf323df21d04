"""Who is offered what: the hierarchical allocator of the master.

Dominant resource fairness over roles (a tree, with weights and quota), then over the frameworks of a role. Plain,
synchronous, without I/O: the master tells what happens and asks for a cycle; offers themselves (ids, timeouts,
rescinding) are the master's.
"""

from mesosctl.runtime.master.allocator.constraints import Constraints, compiled
from mesosctl.runtime.master.allocator.hierarchical import Allocator
from mesosctl.runtime.master.allocator.options import Allocation, Options

__all__ = ["Allocation", "Allocator", "Constraints", "Options", "compiled"]
