"""The main job in one go, against the local sandbox: why this profile, what it costs, what is made, and that nothing is left to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
GIQPLAN = Path(sys.executable).parent / "giqplan"


def say(text: str) -> None:
    print(f"\n=== {text}\n", flush=True)


def giqplan(*words: str, expect: int = 0) -> None:
    """Run one command where the reader can follow it; end the demo when it does not end as the story goes."""
    print(f"$ giqplan {' '.join(words)}", flush=True)
    code = subprocess.run([str(GIQPLAN), *words], cwd=FOLDER, check=False).returncode
    if code != expect:
        sys.exit(f"giqplan {words[0]} ended with {code}, expected {expect}")


def main() -> int:
    start = time.monotonic()
    if (FOLDER / ".giqplan").exists():
        subprocess.run([str(GIQPLAN), "sandbox", "stop"], cwd=FOLDER, check=False, capture_output=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "quickstart", FOLDER)
    say("1. The intent: a team's wishes, nothing about machines but what it insists on")
    print((FOLDER / "inference.yaml").read_text(encoding="utf-8").partition("environments:")[0].rstrip(), flush=True)
    say("2. Why this profile, and why not the others")
    giqplan("explain")
    say("3. One plan for Google Cloud and Kubernetes, before the cluster exists")
    giqplan("plan", "--sandbox", "--no-color", "-o", "plan.json")
    say("4. Apply: the real client libraries, over the wire, against the sandbox (one simulated minute a second)")
    giqplan("apply", "--sandbox", "--no-color", "--auto-approve")
    say("5. The world lives on: ten minutes of controllers, autoscaler and admission, and a restart of the sandbox")
    giqplan("sandbox", "advance", "600")
    giqplan("sandbox", "stop")
    say("6. Plan again, with 50 ms added to every request: nothing is left to do")
    giqplan("sandbox", "start")
    giqplan("sandbox", "log", "--latency-ms", "50")
    giqplan("plan", "--sandbox", "--no-color", "--detailed-exitcode")
    say("7. What that plan asked of the world: reads only; and the longest chain of requests that had to wait for each other")
    giqplan("sandbox", "log", "--run", "last")
    giqplan("sandbox", "log", "--run", "last", "--critical-path")
    giqplan("sandbox", "log", "--latency-ms", "0")
    giqplan("sandbox", "stop")
    say(f"done in {time.monotonic() - start:.0f} s; the files are in {FOLDER.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
