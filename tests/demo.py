"""The end of `make demo`: run the guide's nginx app on the lab, verify, see it answer, and say where to look.

python -m tests.demo INVENTORY
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from mesosctl.inventory.load import load_inventory

APP = Path(__file__).parents[1] / "examples" / "nginx.json"
PATIENCE = 60.0
"""Seconds until nginx must answer."""


def main(inventory: str) -> int:
    mesosctl(inventory, "app", "run", str(APP))
    mesosctl(inventory, "verify")
    status = json.loads(mesosctl(inventory, "status", "--output", "json", told=False))
    marathon = status["marathon"]["address"]
    addresses = {host.name: host.address for host in load_inventory(Path(inventory)).hosts}
    task = json.loads(get(f"{marathon}/v2/apps/nginx/tasks"))["tasks"][0]
    nginx = f"http://{addresses.get(task['host'], task['host'])}:{task['ports'][0]}"
    title = get(nginx).partition("<title>")[2].partition("</title>")[0]
    print(f"\nThe master:  {status['masters']['address']}\nMarathon:    {marathon}\nnginx:       {nginx}  ({title})")
    return 0


def mesosctl(inventory: str, *arguments: str, told: bool = True) -> str:
    command = [sys.executable, "-m", "mesosctl", *arguments, "--inventory", inventory]
    return subprocess.run(command, stdout=None if told else subprocess.PIPE, text=True, check=True).stdout


def get(url: str) -> str:
    """What a server answers, once it does: nginx may not listen yet when its container runs."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body.decode()
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
