"""Build the wheel, install it in a clean environment, and plan offline from it, outside the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(a) for a in argv], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, cwd=ROOT)
        wheel = next(place.glob("giqplan-*.whl"))
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "-r", ROOT / "requirements.txt", cwd=place)
        run(*pip, "--no-deps", wheel, cwd=place)
        shutil.copy(ROOT / "examples" / "quickstart" / "inference.yaml", place)
        shown = run(python.parent / "giqplan", "plan", "--offline", "--no-color", cwd=place)
    if "kubernetes_deployment" not in shown:
        sys.exit(f"the installed wheel printed no plan:\n{shown}")
    print(f"{wheel.name}: installed in a clean environment, planned offline: {shown.strip().splitlines()[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
