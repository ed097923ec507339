#!/usr/bin/env python3
"""Lays stub providers out as a filesystem mirror of Terraform.

usage: mirror.py FOLDER SCHEMA.json...; prints the addresses of the providers, one a line.
"""

import json
import platform
import shutil
import stat
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}


def main() -> None:
    mirror = Path(sys.argv[1]).resolve()
    system = f"{platform.system().lower()}_{MACHINES[platform.machine()]}"
    for source in sys.argv[2:]:
        schema = json.loads(Path(source).read_text())
        (address,) = schema["provider_schemas"]
        version = schema["provider_version"]
        folder = mirror / address / version / system
        folder.mkdir(parents=True, exist_ok=True)
        for file in (Path(source), HERE / "provider.py"):
            shutil.copy(file, folder)
        program = folder / f"terraform-provider-{address.rsplit('/', 1)[-1]}_v{version}"
        # Terraform links to it, so it looks where it really lies.
        program.write_text(
            '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\n'
            f'exec "{sys.executable}" "$here/provider.py" "$here/{Path(source).name}"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        print(address)


main()
