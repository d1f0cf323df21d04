"""The program of the ssh loop, sent by plain Paramiko: `paramiko_loop.py KEY KNOWN_HOSTS PROGRAM HOSTS PORT`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko


def main(key_file: str, known_hosts: str, program: str, hosts: str, port: str) -> int:
    key = paramiko.Ed25519Key.from_private_key_file(key_file)
    known = paramiko.HostKeys(known_hosts)
    text = Path(program).read_bytes()

    def work(address: str) -> int:
        client = paramiko.SSHClient()
        for host, keys in known.items():
            if host == f"[{address}]:{port}":
                for kind, public in keys.items():
                    client.get_host_keys().add(host, kind, public)
        client.connect(address, int(port), "root", pkey=key, allow_agent=False, look_for_keys=False, banner_timeout=120)
        standard_input, output, _ = client.exec_command("sh -s")
        standard_input.write(text)
        standard_input.channel.shutdown_write()
        output.read()
        status = output.channel.recv_exit_status()
        client.close()
        return status

    with ThreadPoolExecutor(32) as pool:
        return max(pool.map(work, Path(hosts).read_text().split()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
