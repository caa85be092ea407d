"""The generated pages are current, and every code is described, raised and tested."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from giqplan import errors
from giqplan.cli.main import COMMANDS
from giqplan.error_codes import CODES

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = re.compile(r"GIQ\d{4}")


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = _generator()


def _plain(text: str) -> str:
    """Help texts compare without line breaks and without how a Python release writes a flag and its value ("-e NAME, --env NAME")."""
    return " ".join(re.sub(r"(-\w) ([A-Z]+), (--[\w-]+ \2)", r"\1, \3", " ".join(text.split())).split())


@pytest.mark.parametrize("name", generator.PAGES)
def test_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert _plain(written) == _plain(generator.PAGES[name]()), "run: python scripts/generate_docs.py"


def test_every_code_has_a_note_and_every_note_a_code() -> None:
    assert set(generator.error_notes()) == set(CODES)
    assert all(means.endswith(".") and remedy for means, remedy in generator.error_notes().values())


def test_every_code_belongs_to_one_class() -> None:
    families = generator.families()
    assert {code[:5] for code in CODES} == set(families)
    assert all(issubclass(getattr(errors, name), errors.GiqplanError) for name, _ in families.values())


def _codes_in(files: Iterable[Path]) -> set[str]:
    return {code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))}


def test_the_program_uses_exactly_the_codes_of_the_table() -> None:
    table = ROOT / "giqplan" / "error_codes.py"
    assert _codes_in(file for file in (ROOT / "giqplan").rglob("*.py") if file != table) == set(CODES)


def test_every_code_occurs_in_a_test() -> None:
    assert sorted(set(CODES) - _codes_in((ROOT / "tests").rglob("*.py"))) == []


def test_every_command_and_subcommand_has_a_section() -> None:
    page = generator.commands_page()
    assert all(f"## giqplan {name}\n" in page for name in COMMANDS)
    assert "### giqplan sandbox kubeconfig\n" in page


def test_every_number_of_the_intent_has_a_unit() -> None:
    definitions = generator.json_schema()["$defs"]
    numbers = {path for path, schema, _ in generator.fields() if "number" in generator.type_text(schema, definitions)}
    assert numbers == set(generator._UNITS)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_row_that_the_bench_prints_is_described() -> None:
    rows = re.findall(r'\bRow\(\s*f?"([^"{]+)', (ROOT / "bench" / "run.py").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "budgets.md").read_text(encoding="utf-8")
    assert len(rows) >= 10
    assert [name for name in rows if f"| {name}" not in page] == []
