"""The tables of Marathon's own integration tests (tests/marathon-tests.d): true as far as a program can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_mesos_tests import TESTS, check_table

TABLES = sorted((TESTS / "marathon-tests.d").glob("*.tsv"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_a_table_names_tests_that_are_there(table: Path) -> None:
    check_table(table)
