"""What is wrong with resources, in the words of Mesos."""

from __future__ import annotations


class ResourcesError(ValueError):
    """Resources that are malformed, or an operation on what is not there. The text is what Mesos says of it."""
