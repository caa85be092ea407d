"""Records ``terraform show -json`` of plans of every kind that terraform can make without a provider of its own.

    python tests/render/terraform/record.py

Each case is a folder of configuration that is applied (its ``before``), then planned (its ``after``) with ``flags``. What is kept of the
output is the part that giqplan shares with it; ids are terraform's, made anew by each recording.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KEPT = ("format_version", "terraform_version", "resource_changes", "resource_drift", "checks", "applyable", "complete", "errored")


@dataclass(frozen=True)
class Case:
    after: str
    before: str = ""
    flags: tuple[str, ...] = ()


def data(name: str, body: str = "") -> str:
    return f'resource "terraform_data" "{name}" {{\n{body}\n}}\n'


def asserted(name: str, condition: str, of: str = "") -> str:
    return f'check "{name}" {{\n{of}\nassert {{\ncondition = {condition}\nerror_message = "{name} does not hold"\n}}\n}}\n'


def moved(old: str, new: str) -> str:
    return f"moved {{\nfrom = terraform_data.{old}\nto = terraform_data.{new}\n}}\n"


YES = "locals {\nyes = true\n}\n"
TWO = data("a", 'input = "x"') + data("b", "input = terraform_data.a.id")
SECRET = 'variable "secret" {\nsensitive = true\ndefault = "s"\n}\n'
UNKNOWN_LIST = 'input = ["known", terraform_data.a.id, { deep = terraform_data.a.id, known = 1 }, []]'
CASES = {
    "create": Case(TWO + data("lists", UNKNOWN_LIST) + data("many", "count = 2") + data("each", 'for_each = toset(["k"])')),
    "create-sensitive": Case(SECRET + data("a", "input = { open = 1, hidden = var.secret, list = [1, var.secret] }")),
    "update": Case(data("a", 'input = { x = "y", list = [1, 2] }') + data("b", "input = 1"), TWO),
    "update-sensitive": Case(SECRET + data("a", 'input = { open = 2, hidden = "${var.secret}t" }'), SECRET + data("a", "input = { open = 1, hidden = var.secret }")),
    "replace": Case(data("a", "triggers_replace = [2]") + data("b", "input = terraform_data.a.id"), data("a", "triggers_replace = [1]") + data("b", "input = terraform_data.a.id")),
    "replace-create-first": Case(data("a", "triggers_replace = { k = 2 }\nlifecycle {\ncreate_before_destroy = true\n}"), data("a", "triggers_replace = { k = 1 }")),
    "replace-asked": Case(TWO, TWO, ("-replace=terraform_data.a",)),
    "replace-triggered": Case(data("a", "input = 2") + data("b", "lifecycle {\nreplace_triggered_by = [terraform_data.a.input]\n}"), data("a", "input = 1") + data("b")),
    "delete": Case(data("a", 'input = "x"') + data("many", "count = 1") + data("each", 'for_each = toset(["k"])'), TWO + data("many", "count = 2") + data("each", 'for_each = toset(["k", "l"])')),
    "destroy": Case(TWO, TWO, ("-destroy",)),
    "forget": Case("removed {\nfrom = terraform_data.b\nlifecycle {\ndestroy = false\n}\n}\n" + data("a", 'input = "x"'), TWO),
    "import": Case('import {\nto = terraform_data.i\nid = "given"\n}\n' + data("i") + 'import {\nto = terraform_data.j\nid = "other"\n}\n' + data("j", "input = 1")),
    "moved": Case(data("c", 'input = "x"') + moved("a", "c"), data("a", 'input = "x"')),
    "moved-and-changed": Case(data("c", 'input = "y"') + moved("a", "c"), data("a", 'input = "x"')),
    "drift-moved": Case(data("c", 'input = "x"') + moved("a", "c"), data("a", 'input = "x"'), ("-refresh-only",)),
    "read": Case(data("a") + 'data "terraform_remote_state" "s" {\nbackend = "local"\nconfig = { path = terraform_data.a.id }\n}\n'),
    "nothing": Case(TWO + data("l", "input = [1, { k = 2 }]"), TWO + data("l", "input = [1, { k = 2 }]")),
    "target": Case(TWO + data("c"), TWO, ("-target=terraform_data.a",)),
    "checks": Case(
        YES +
        data("a", "count = 2\nlifecycle {\npostcondition {\ncondition = self.id != null\nerror_message = \"no id\"\n}\nprecondition {\ncondition = local.yes\nerror_message = \"no\"\n}\n}")
        + asserted("holds", "local.yes")
        + asserted("fails", "!local.yes")
        + asserted("unknown", 'terraform_data.a[0].id == "x"')
        + asserted("breaks", 'jsondecode("no${local.yes}") == 1')
        + 'variable "v" {\ndefault = 1\nvalidation {\ncondition = var.v > 0\nerror_message = "v"\n}\n}\n'
        + 'output "o" {\nvalue = 1\nprecondition {\ncondition = local.yes\nerror_message = "o"\n}\n}\n'
    ),
    "check-of-two": Case(YES + 'check "two" {\nassert {\ncondition = !local.yes\nerror_message = "one"\n}\nassert {\ncondition = !local.yes || 1 > 2\nerror_message = "two"\n}\n}\n' + data("a")),
    "errored-of-two": Case(
        YES
        + data("a", "count = 2\nlifecycle {\nprecondition {\ncondition = count.index == 1\nerror_message = \"not the first\"\n}\n}")
        + data("b", "count = 2\nlifecycle {\npostcondition {\ncondition = self.id == \"x\"\nerror_message = \"no\"\n}\n}")
    ),
    "errored": Case(YES + data("a") + data("b", "input = terraform_data.a.id\nlifecycle {\nprecondition {\ncondition = !local.yes\nerror_message = \"no\"\n}\n}")),
}  # fmt: skip


def record(case: Case) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.tf").write_text(case.before or "locals {\n}\n")
        run(folder, "init")
        if case.before:
            run(folder, "apply", "-auto-approve")
        (folder / "main.tf").write_text(case.after)
        run(folder, "plan", "-out=plan", *case.flags, may_fail=True)
        shown = json.loads(run(folder, "show", "-json", "plan"))
    return {key: shown[key] for key in KEPT if key in shown}


def run(folder: Path, command: str, *words: str, may_fail: bool = False) -> str:
    done = subprocess.run(["terraform", command, *words, *([] if command == "show" else ["-no-color"])], cwd=folder, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0 or may_fail, done.stderr
    return done.stdout


def main() -> None:
    assert shutil.which("terraform"), "terraform is not installed"
    for name, case in CASES.items():
        (HERE / f"{name}.json").write_text(json.dumps(record(case), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
