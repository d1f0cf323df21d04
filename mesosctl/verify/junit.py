"""The findings as JUnit XML, the form that CI servers read: a suite for each host, a case for each promise."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Sequence
from pathlib import Path

from mesosctl.errors import MesosctlError
from mesosctl.verify.outcome import BROKEN, NOT_THERE, Finding


def write(path: Path, cluster: str, found: Sequence[Finding]) -> None:
    """Raises MesosctlError where the file cannot be written."""
    root = Xml.Element("testsuites", name=f"verify {cluster}")
    for finding in found:
        broken = sum(each.status == BROKEN for each in finding.outcomes)
        suite = Xml.SubElement(
            root,
            "testsuite",
            name=finding.host,
            tests=str(len(finding.outcomes) + bool(finding.failure)),
            failures=str(broken),
            errors=str(int(bool(finding.failure))),
            skipped=str(sum(each.status == NOT_THERE for each in finding.outcomes)),
            time=f"{sum(each.seconds for each in finding.outcomes):.3f}",
        )
        if finding.failure:
            case = Xml.SubElement(suite, "testcase", classname=f"{cluster}.{finding.host}", name="the host is reached")
            Xml.SubElement(case, "error", message=finding.failure.message)
        for each in finding.outcomes:
            case = Xml.SubElement(
                suite,
                "testcase",
                classname=f"{cluster}.{each.host}.{each.chapter}",
                name=each.promise,
                time=f"{each.seconds:.3f}",
            )
            if each.status != "held":
                Xml.SubElement(case, "failure" if each.status == BROKEN else "skipped", message=each.message)
    Xml.indent(root)
    try:
        Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise MesosctlError(f"cannot be written: {error.strerror}", where=str(path)) from None
