"""The tables of Marathon's own integration tests (tests/marathon-tests.d): true as far as a program can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_mesos_tests import STATUSES, TESTS, functions, rows

TABLES = sorted((TESTS / "marathon-tests.d").glob("*.tsv"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_a_table_names_tests_that_are_there(table: Path) -> None:
    for row in rows(table):
        assert row.status in STATUSES, row
        assert row.detail, row
        for name in row.detail.split() if row.status == "covered" else ():
            path, _, function = name.partition("::")
            assert (TESTS / path).is_file(), name
            assert function in functions(path), name
