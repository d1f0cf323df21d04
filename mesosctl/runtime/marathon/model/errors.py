"""What is wrong with a definition, as clients are told it.

Source: the examples in Marathon's RAML, docs/rest-api/public/api/v2/groups.raml.
"""

from __future__ import annotations

import msgspec


class Violation(msgspec.Struct, frozen=True, order=True):
    """A rule that a definition breaks."""

    path: str
    """Where: `/container/docker/image`, `/healthChecks(0)/path`; `/` for the whole."""
    message: str


class ModelError(Exception):
    """A definition that is not taken."""


class ValidationError(ModelError):
    """Readable, but it breaks rules: a 422."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(f"{violation.path}: {violation.message}" for violation in violations))
        self.violations = violations

    def body(self) -> dict[str, object]:
        """Marathon's JSON for it: the messages of a path together."""
        return {"message": "Object is not valid", "details": _details(self.violations)}


class InvalidJson(ModelError):
    """JSON that has not the shape of a definition: a wrong type, a missing field: a 400."""

    def __init__(self, *details: Violation) -> None:
        super().__init__("; ".join(f"{detail.path}: {detail.message}" for detail in details))
        self.details = details

    def body(self) -> dict[str, object]:
        """Marathon's JSON for it."""
        return {"message": "Invalid JSON", "details": _details(self.details)}


def _details(violations: tuple[Violation, ...]) -> list[dict[str, object]]:
    messages: dict[str, list[str]] = {}
    for violation in violations:
        messages.setdefault(violation.path, []).append(violation.message)
    return [{"path": path, "errors": errors} for path, errors in messages.items()]
