"""The client that PyPI has for Marathon, unmodified, through an app's whole life."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.driver import CLIENTS
from tests.clients.environment import marathon_interpreter
from tests.integration.marathon import Marathon, site


@pytest.mark.timeout(600)
def test_the_life_of_an_app(tmp_path: Path) -> None:
    with site(tmp_path) as programs:
        marathon = Marathon(tmp_path, f"127.0.0.1:{programs.master_port}", f"file://{tmp_path / 'state'}")
        marathon.start("--disable_ha")
        try:
            command = [str(marathon_interpreter()), str(CLIENTS / "marathon_client.py"), f"http://{marathon.address}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{marathon.log.read_text()}"
        finally:
            marathon.kill()
        assert "Traceback" not in marathon.log.read_text()
