"""The tables of Apache Mesos' own tests (tests/mesos-tests.d): complete, and true as far as a program can tell."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLES = sorted((TESTS / "mesos-tests.d").glob("*.tsv"))
STATUSES = {"covered", "not applicable", "open"}


@dataclass(frozen=True)
class Row:
    file: str
    case: str
    status: str
    detail: str


def rows(table: Path) -> list[Row]:
    lines = [line for line in table.read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert line.count("\t") == 3, f"{table.name}: four columns, separated by tabs, in {line!r}"
    return [Row(*line.split("\t")) for line in lines]


@cache
def functions(path: str) -> frozenset[str]:
    """The functions and methods of one of our test modules."""
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def check_table(table: Path) -> None:
    """A table names tests that are there, and a reason for what has none."""
    for row in rows(table):
        assert row.status in STATUSES, row
        assert row.detail, row
        for name in row.detail.split() if row.status == "covered" else ():
            path, _, function = name.partition("::")
            assert (TESTS / path).is_file(), name
            assert function in functions(path), name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_a_table_names_tests_that_are_there(table: Path) -> None:
    check_table(table)


def test_every_case_has_one_status() -> None:
    wanted = {tuple(line.split("\t")) for line in (TESTS / "mesos-tests.tsv").read_text().splitlines()}
    found: dict[tuple[str, str], set[str]] = {}
    for table in TABLES:
        for row in rows(table):
            found.setdefault((row.file, row.case), set()).add(row.status)
    assert not wanted - found.keys()
    assert {case: statuses for case, statuses in found.items() if len(statuses) > 1} == {}
    files = {file for file, _ in wanted}
    assert {case for case in found if case[0] in files} == wanted
