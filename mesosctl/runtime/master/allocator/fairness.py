"""Dominant resource fairness: whose turn it is.

A claim's dominant share is the largest part it holds of any resource of the cluster, divided by its weight (Ghodsi et
al., "Dominant Resource Fairness", NSDI 2011). The least share goes first, then who was given something less often,
then the name. Roles compete with their siblings, level by level; a role with roles below it competes with those as if
it were one of them. Frameworks compete within their role.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mesosctl.runtime.resources import Quantities

_ITSELF = "."
"""The place of a role's own frameworks among the roles below it. No role can have this name."""


class Cluster:
    """All that there is. Shares are parts of it."""

    def __init__(self, excluded: frozenset[str]) -> None:
        self.total = Quantities()
        self.version = 0
        """Changes whenever all shares do."""
        self._excluded = excluded

    def replace(self, old: Quantities, new: Quantities) -> None:
        """An agent has other resources now."""
        if old != new:
            self.total.take(old)
            self.total.add(new)
            self.version += 1

    def share(self, held: Mapping[str, int]) -> float:
        """The dominant one, unweighted."""
        total = self.total
        return max(
            (amount / total[name] for name, amount in held.items() if name in total and name not in self._excluded),
            default=0.0,
        )


class _Claim:
    __slots__ = ("active", "grants", "held", "name", "rank", "weight")

    def __init__(self, name: str, weight: float) -> None:
        self.name = name
        self.weight = weight
        self.active = False
        self.held = Quantities()
        self.grants = 0
        self.rank: tuple[float, int, str] = (0.0, 0, name)


class Claims:
    """Claims of equal standing, by name. What is unknown holds nothing and is not active."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._claims: dict[str, _Claim] = {}
        self._order: list[str] | None = None
        self._version = cluster.version

    def hold(self, name: str, amounts: Mapping[str, int], *, grant: bool) -> None:
        """`grant`: it counts as one more time that something was given."""
        claim = self._claim(name)
        claim.held.add(amounts)
        claim.grants += grant
        self._rank(claim)

    def release(self, name: str, amounts: Mapping[str, int]) -> None:
        claim = self._claim(name)
        claim.held.take(amounts)
        self._rank(claim)
        self._forget(claim)

    def activate(self, name: str, active: bool = True) -> None:
        claim = self._claim(name)
        claim.active = active
        self._order = None
        self._forget(claim)

    def weigh(self, name: str, weight: float) -> None:
        claim = self._claim(name)
        claim.weight = weight
        self._rank(claim)

    def active(self) -> bool:
        return any(claim.active for claim in self._claims.values())

    def empty(self) -> bool:
        return not self._claims

    def order(self) -> list[str]:
        """The active ones. The list is never changed afterwards."""
        if self._version != self._cluster.version:
            self._version = self._cluster.version
            for claim in self._claims.values():
                self._rank(claim)
        if self._order is None:
            ranks = sorted(claim.rank for claim in self._claims.values() if claim.active)
            self._order = [rank[-1] for rank in ranks]
        return self._order

    def _claim(self, name: str) -> _Claim:
        if name not in self._claims:
            self._claims[name] = _Claim(name, 1.0)
        return self._claims[name]

    def _rank(self, claim: _Claim) -> None:
        claim.rank = (self._cluster.share(claim.held) / claim.weight, claim.grants, claim.name)
        self._order = None

    def _forget(self, claim: _Claim) -> None:
        if not claim.active and not claim.held:
            del self._claims[claim.name]


class _Role:
    def __init__(self, path: str, cluster: Cluster) -> None:
        self.path = path
        self.frameworks = Claims(cluster)
        self.parts = Claims(cluster)
        """The roles below by name, and its own frameworks as `.`."""
        self.below: dict[str, _Role] = {}


class RoleTree:
    """Roles with their weights, and who holds how much in each."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._root = _Role("", cluster)
        self._weights: dict[str, float] = {}
        self._order: list[str] | None = None
        self._version = cluster.version

    def weigh(self, role: str, weight: float) -> None:
        self._weights[role] = weight
        above, _, name = role.rpartition("/")
        if (parent := self._find(above)) and name in parent.below:
            parent.parts.weigh(name, weight)
        self._order = None

    def hold(self, role: str, framework_id: str, amounts: Mapping[str, int], *, grant: bool) -> None:
        for node, name in self._way(role):
            node.parts.hold(name, amounts, grant=grant)
        self._node(role).frameworks.hold(framework_id, amounts, grant=grant)
        self._order = None

    def release(self, role: str, framework_id: str, amounts: Mapping[str, int]) -> None:
        for node, name in self._way(role):
            node.parts.release(name, amounts)
        self._node(role).frameworks.release(framework_id, amounts)
        self._changed(role)

    def activate(self, role: str, framework_id: str, active: bool = True) -> None:
        """Whether a framework waits for offers in a role."""
        self._node(role).frameworks.activate(framework_id, active)
        self._changed(role)

    def order(self) -> list[str]:
        """The roles in which any framework waits, the neediest first. The list is never changed afterwards."""
        if self._order is None or self._version != self._cluster.version:
            self._version = self._cluster.version
            self._order = list(self._walk(self._root))
        return self._order

    def frameworks(self, role: str) -> list[str]:
        """Those that wait in a role, the neediest first."""
        return self._node(role).frameworks.order()

    def _walk(self, role: _Role) -> Iterator[str]:
        for name in role.parts.order():
            if name == _ITSELF:
                yield role.path
            else:
                yield from self._walk(role.below[name])

    def _changed(self, role: str) -> None:
        """Passes on, from a role to the root, whether anyone waits there, and forgets what is empty."""
        self._order = None
        for node, name in reversed(list(self._way(role))):
            if name == _ITSELF:
                node.parts.activate(name, node.frameworks.active())
                continue
            child = node.below[name]
            node.parts.activate(name, bool(child.parts.order()))
            if child.parts.empty() and child.frameworks.empty():
                del node.below[name]

    def _way(self, role: str) -> Iterable[tuple[_Role, str]]:
        """From the root to a role: each node with the name of the part that the role is in."""
        node = self._root
        for name in role.split("/"):
            yield node, name
            if name not in node.below:
                child = node.below[name] = _Role(f"{node.path}/{name}".lstrip("/"), self._cluster)
                node.parts.weigh(name, self._weights.get(child.path, 1.0))
            node = node.below[name]
        yield node, _ITSELF

    def _node(self, role: str) -> _Role:
        return list(self._way(role))[-1][0]

    def _find(self, path: str) -> _Role | None:
        node: _Role | None = self._root
        for name in filter(None, path.split("/")):
            node = node.below.get(name) if node else None
        return node
