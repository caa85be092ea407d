"""``python -m giqplan.sandbox serve``: the sandbox's process. Started by control.py; runs until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Serve in the background; the first line on stdout is JSON: ``{"ready": true}`` or the error that hindered it."""
    parser = argparse.ArgumentParser(prog="python -m giqplan.sandbox")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--folder", type=Path, required=True, help="where sandbox.db and connection.json lie")
    parser.add_argument("--world", type=Path, help="world.yaml, read when the sandbox has no world yet")
    parser.add_argument("--project", default="my-project", help="the project of a sandbox without world.yaml")
    parser.add_argument("--speed", type=float, help="simulated seconds per second; 0 = only told")
    parser.add_argument("--controllers", choices=["on", "off"], help="whether anything lives in the clusters")
    parser.add_argument("--port", type=int, default=0, help="the port wanted")
    parser.add_argument("--foreground", action="store_true", help="stay attached to the terminal")
    options = parser.parse_args()
    if not options.foreground and os.fork():
        os._exit(0)
    from giqplan.errors import GiqplanError
    from giqplan.sandbox.process import Process

    try:
        process = Process(options.folder, options.world, options.project, options.speed, options.controllers, options.port)
    except GiqplanError as error:
        told = [
            {
                "code": e.code,
                "detail": e.detail,
                "remedy": e.remedy,
                "place": [e.place.file, e.place.line, e.place.column] if e.place else None,
            }
            for e in error.errors
        ]
        print(json.dumps({"errors": told}), flush=True)  # noqa: T201
        sys.exit(1)
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201
    if not options.foreground:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.close(quiet)
    process.run()


if __name__ == "__main__":
    main()
