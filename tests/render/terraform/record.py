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


def data(name: str, *lines: str) -> str:
    return block(f'resource "terraform_data" "{name}"', *lines)


def block(head: str, *lines: str) -> str:
    return "\n".join((f"{head} {{", *lines, "}")) + "\n"


def lifecycle(*lines: str) -> str:
    return block("lifecycle", *lines)


def condition(kind: str, text: str, message: str = "it does not hold") -> str:
    return block(kind, f"condition = {text}", f'error_message = "{message}"')


def asserted(name: str, text: str) -> str:
    return block(f'check "{name}"', condition("assert", text))


def moved(old: str, new: str) -> str:
    return block("moved", f"from = terraform_data.{old}", f"to = terraform_data.{new}")


def imported(name: str, identity: str, *lines: str) -> str:
    return block("import", f"to = terraform_data.{name}", f'id = "{identity}"') + data(name, *lines)


YES = block("locals", "yes = true")
"""Conditions have to refer to something."""
SECRET = block('variable "secret"', "sensitive = true", 'default = "s"')
A, C = data("a", 'input = "x"'), data("c", 'input = "x"')
TWO = A + data("b", "input = terraform_data.a.id")
LIST = data("l", "input = [1, { k = 2 }]")
KEYS, MANY = 'for_each = toset(["k", "l"])', "count = 2"
MOVED = C + moved("a", "c")
TRIGGERED = lifecycle("replace_triggered_by = [terraform_data.a.input]")
CASES = {
    "create": Case(
        TWO
        + data("lists", 'input = ["known", terraform_data.a.id, { deep = terraform_data.a.id, known = 1 }, []]')
        + data("many", MANY)
        + data("each", KEYS)
    ),
    "create-sensitive": Case(SECRET + data("a", "input = { open = 1, hidden = var.secret, list = [1, var.secret] }")),
    "update": Case(data("a", 'input = { x = "y", list = [1, 2] }') + data("b", "input = 1"), TWO),
    "update-sensitive": Case(
        SECRET + data("a", 'input = { open = 2, hidden = "${var.secret}t" }'),
        SECRET + data("a", "input = { open = 1, hidden = var.secret }"),
    ),
    "replace": Case(
        data("a", "triggers_replace = [2]") + data("b", "input = terraform_data.a.id"),
        data("a", "triggers_replace = [1]") + data("b", "input = terraform_data.a.id"),
    ),
    "replace-create-first": Case(
        data("a", "triggers_replace = { k = 2 }", lifecycle("create_before_destroy = true")), data("a", "triggers_replace = { k = 1 }")
    ),
    "replace-asked": Case(TWO, TWO, ("-replace=terraform_data.a",)),
    "replace-triggered": Case(data("a", "input = 2") + data("b", TRIGGERED), data("a", "input = 1") + data("b")),
    "delete": Case(A + data("many", "count = 1") + data("each", 'for_each = toset(["k"])'), TWO + data("many", MANY) + data("each", KEYS)),
    "destroy": Case(TWO, TWO, ("-destroy",)),
    "forget": Case(A + block("removed", "from = terraform_data.b", lifecycle("destroy = false")), TWO),
    "import": Case(imported("i", "given") + imported("j", "other", "input = 1")),
    "moved": Case(MOVED, A),
    "moved-and-changed": Case(data("c", 'input = "y"') + moved("a", "c"), A),
    "drift-moved": Case(MOVED, A, ("-refresh-only",)),
    "read": Case(data("a") + block('data "terraform_remote_state" "s"', 'backend = "local"', "config = { path = terraform_data.a.id }")),
    "nothing": Case(TWO + LIST, TWO + LIST),
    "target": Case(TWO + data("c"), TWO, ("-target=terraform_data.a",)),
    "checks": Case(
        YES
        + data("a", MANY, lifecycle(condition("postcondition", "self.id != null"), condition("precondition", "local.yes")))
        + asserted("holds", "local.yes")
        + asserted("fails", "!local.yes")
        + asserted("unknown", 'terraform_data.a[0].id == "x"')
        + asserted("breaks", 'jsondecode("no${local.yes}") == 1')
        + block('variable "v"', "default = 1", condition("validation", "var.v > 0"))
        + block('output "o"', "value = 1", condition("precondition", "local.yes"))
    ),
    "check-of-two": Case(
        YES + data("a") + block('check "two"', condition("assert", "!local.yes", "one"), condition("assert", "!local.yes || 1 > 2", "two"))
    ),
    "errored-of-two": Case(
        YES
        + data("a", MANY, lifecycle(condition("precondition", "count.index == 1")))
        + data("b", MANY, lifecycle(condition("postcondition", 'self.id == "x"')))
    ),
    "errored": Case(YES + data("a") + data("b", "input = terraform_data.a.id", lifecycle(condition("precondition", "!local.yes")))),
}


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
    done = subprocess.run(["terraform", command, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or may_fail, done.stderr
    return done.stdout


def main() -> None:
    assert shutil.which("terraform"), "terraform is not installed"
    for name, case in CASES.items():
        (HERE / f"{name}.json").write_text(json.dumps(record(case), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
