"""The inventory's JSON Schema (draft 2020-12), from which editors complete, explain and check."""

from __future__ import annotations

from typing import Any

from mesosctl.inventory.spec import INVENTORY


def json_schema() -> dict[str, Any]:
    """The schema as plain data. It knows every key, type and range; what spans several keys only `validate` checks."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mesosctl inventory",
        **INVENTORY.schema(),
    }
