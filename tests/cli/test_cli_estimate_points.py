"""estimate --points: a table of questions becomes the same table with answers; what cannot be answered has a reason, never a number."""

from __future__ import annotations

import csv
import io
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import open_catalog
from giqplan.cli import estimate_points
from giqplan.cli.main import main
from giqplan.errors import GiqplanError

GOOD = {
    "model": "Qwen/Qwen3-32B",
    "model_server": "vllm",
    "model_server_version": "0.12.0",
    "gke_accelerator": "nvidia-h100-80gb",
    "accelerator_count": "2",
    "precision": "bf16",
    "parallelism": "tp2",
    "isl": "1024",
    "osl": "1024",
    "load_kind": "concurrency",
    "load": "16",
}
COLUMNS = list(GOOD)
METRICS = ("ttft_ms", "itl_ms", "ntpot_ms", "output_tok_per_s")
NUMBERS = [f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
CATALOG = open_catalog()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def row(**changes: str) -> dict[str, str]:
    return {**GOOD, **changes}


def write(name: str, rows: Sequence[dict[str, str]]) -> None:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, rows[0].keys(), lineterminator="\n", quoting=csv.QUOTE_ALL)
        written.writeheader()
        written.writerows(rows)


def read(name: str = "out.csv") -> list[dict[str, Any]]:
    with Path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


NO_ANSWER = row(isl="0")
"""What the shape of a table is tested with: nothing has to be learned and computed for it."""

SAME = [
    {"model": "qwen/QWEN3-32b"},
    {"model_server_version": "v0.12.0"},
    {"model_server": " VLLM "},
    {"accelerator_count": "2.0"},
    {"isl": "1024.0", "osl": " 1024"},
    {"precision": "BF16"},
    {"precision": ""},
    {"parallelism": ""},
    {"gke_accelerator": "NVIDIA-H100-80GB"},
    {"load_kind": "Concurrency"},
    {"model": "the source's own name", "model_id": "Qwen/Qwen3-32B"},
    {"model_id": "nobody/nothing"},
    {"replicas": "1"},
]
CANNOT_BE = [
    ({"model": "nobody/nothing"}, "'nobody/nothing' is no model of the catalog"),
    ({"model": ""}, "'' is no model of the catalog"),
    ({"model_server": ""}, "model_server: names none"),
    ({"gke_accelerator": "nvidia-k80"}, "gke_accelerator: 'nvidia-k80' is none that the catalog knows"),
    ({"accelerator_count": "0"}, "accelerator_count: '0' is no number of accelerators"),
    ({"accelerator_count": "-8"}, "accelerator_count: '-8' is no number of accelerators"),
    ({"accelerator_count": "1.5"}, "accelerator_count: '1.5' is no number of accelerators"),
    ({"accelerator_count": "1e30"}, "accelerator_count: '1e30' is no number of accelerators"),
    ({"accelerator_count": "inf"}, "accelerator_count: 'inf' is no number of accelerators"),
    ({"load_kind": "users"}, "load_kind: 'users' is none of concurrency, rate"),
    ({"isl": "0"}, "isl: '0' is no number above 0"),
    ({"isl": "-1"}, "isl: '-1' is no number above 0"),
    ({"isl": "many"}, "isl: 'many' is no number above 0"),
    ({"isl": "1_000"}, "isl: '1_000' is no number above 0"),
    ({"osl": ""}, "osl: the cell is empty"),
    ({"osl": "1e300"}, "osl: '1e300' is beyond 1,000,000,000"),
    ({"load": "nan"}, "load: 'nan' is no number above 0"),
    ({"load": "inf"}, "load: 'inf' is beyond 1,000,000,000"),
    ({"load": "x" * 100}, f"load: '{'x' * 40}...' is no number above 0"),
    ({"replicas": "0"}, "replicas: '0' is no whole number above 0"),
    ({"replicas": "two"}, "replicas: 'two' is no whole number above 0"),
]
CANNOT_RUN = [
    ({"model_server": "apache"}, "apache"),
    ({"isl": "400000"}, "context"),
    ({"gke_accelerator": "nvidia-l4", "accelerator_count": "1", "parallelism": "tp1"}, "GiB"),
    ({"parallelism": "tp8"}, "parallelism tp8"),
    ({"parallelism": "sideways"}, "sideways"),
    ({"precision": "fp1"}, "fp1"),
    ({"load_kind": "rate", "load": "5000"}, "requests/s"),
]
FLEET = {"replicas": "4", "load": "64"}
MIXED = [
    {"gke_accelerator": accelerator, "isl": length, "load_kind": kind, "load": load}
    for kind, load in (("concurrency", "1"), ("concurrency", "64"), ("rate", "0.5"))
    for accelerator in ("nvidia-h100-80gb", "nvidia-h200-141gb")
    for length in ("128", "2048")
]


def case(changes: dict[str, str]) -> str:
    return repr(sorted(changes.items()))


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """All of the rows above in one table with a good one, as they come back, by what is changed in them."""
    folder = tmp_path_factory.mktemp("answered")
    changes = [{}, *SAME, *(one for one, _ in (*CANNOT_BE, *CANNOT_RUN)), FLEET, *MIXED]
    write(str(folder / "in.csv"), [{"model_id": "", "replicas": "", **row(**one), "case": case(one)} for one in changes])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimate_points, "ROWS", 7)
        assert main(["estimate", "--points", str(folder / "in.csv"), "--output", str(folder / "out.csv"), "--quiet"]) == 0
    found = read(str(folder / "out.csv"))
    assert [one["case"] for one in found] == [case(one) for one in changes]
    return {one["case"]: one for one in found}


# ---- answers


def test_the_answers_stand_behind_the_columns_that_came_in(run: Run) -> None:
    write("in.csv", [row(note='a "quoted", cell\nof two lines')])
    ran = run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "answered 1 of 1 row\n")
    (found,) = read()
    assert list(found) == [*COLUMNS, "note", *NUMBERS, "class", "reason"]
    assert {name: found[name] for name in COLUMNS} == GOOD
    assert found["note"] == 'a "quoted", cell\nof two lines'
    for metric in METRICS:
        assert 0 < float(found[f"{metric}_low"]) <= float(found[metric]) <= float(found[f"{metric}_high"])
    assert found["class"] in ("A", "B", "C")
    assert found["reason"] == ""


def test_a_row_says_what_the_single_question_says(run: Run, answered: dict[str, dict[str, Any]]) -> None:
    one = answered[case({})]
    flags = {
        "model": "model",
        "model_server": "model-server",
        "model_server_version": "model-server-version",
        "gke_accelerator": "accelerator",
        "accelerator_count": "count",
        "precision": "precision",
        "parallelism": "parallelism",
        "isl": "input-length",
        "osl": "output-length",
        "load": "concurrency",
    }
    words = [word for column, flag in flags.items() for word in (f"--{flag}", GOOD[column])]
    (single,) = csv.DictReader(io.StringIO(run("estimate", *words, "--format", "csv").out))
    assert [float(single[name]) for name in NUMBERS] == pytest.approx([float(one[name]) for name in NUMBERS], rel=2e-3)
    assert single["class"] == one["class"]


@pytest.mark.parametrize("same", SAME, ids=case)
def test_names_are_read_as_people_write_them(answered: dict[str, dict[str, Any]], same: dict[str, str]) -> None:
    assert [answered[case(same)][name] for name in (*NUMBERS, "class", "reason")] == [
        answered[case({})][name] for name in (*NUMBERS, "class", "reason")
    ]


def test_an_alias_names_its_model_and_a_table_may_have_ids_alone(run: Run) -> None:
    row_of = next(r for r in CATALOG.rows("model_aliases") if CATALOG.model(r.text("model_id")) is not None)
    other = {name: cell for name, cell in GOOD.items() if name != "model"}
    write("in.csv", [{"model_id": name, **other, "osl": "-1"} for name in (row_of.text("alias"), row_of.text("model_id"))])
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert [one["reason"] for one in read()] == ["osl: '-1' is no number above 0"] * 2


def test_load_and_throughput_of_several_replicas_are_their_totals(answered: dict[str, dict[str, Any]]) -> None:
    four, one = answered[case(FLEET)], answered[case({})]
    assert [four[name] for name in NUMBERS[:9]] == [one[name] for name in NUMBERS[:9]]
    assert [float(four[n]) for n in NUMBERS[9:]] == pytest.approx([4 * float(one[n]) for n in NUMBERS[9:]], rel=1e-3)


def test_rows_of_many_setups_and_both_kinds_of_load_keep_their_own_answers(run: Run, answered: dict[str, dict[str, Any]]) -> None:
    write("in.csv", [row(**MIXED[-1])])
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert [read()[0][name] for name in NUMBERS] == [answered[case(MIXED[-1])][name] for name in NUMBERS]
    assert len({tuple(answered[case(one)][name] for name in NUMBERS) for one in MIXED}) == len(MIXED)


def test_what_was_measured_stays_beside_the_answer_under_another_name(run: Run) -> None:
    write("in.csv", [{**NO_ANSWER, "ttft_ms": "187.4", "itl_ms": "17.38", "class": "mine", "reason": "why"}])
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    (found,) = read()
    assert [found[f"{name}_given"] for name in ("ttft_ms", "itl_ms", "class", "reason")] == ["187.4", "17.38", "mine", "why"]
    assert (found["ttft_ms"], found["class"], found["reason"]) == ("", "", "isl: '0' is no number above 0")
    run("estimate", "--points", "out.csv", "--output", "again.csv")
    (again,) = read("again.csv")
    for name in ("ttft_ms", "itl_ms", "class", "reason"):  # the answers that stood there are replaced by the new ones
        assert (again[name], again[f"{name}_given"]) == (found[name], found[f"{name}_given"])


def test_standard_streams() -> None:
    write("in.csv", [row()])
    command = (sys.executable, "-m", "giqplan", "estimate", "--points")  # one thread of linear algebra, unlike this process: equal bytes
    subprocess.run((*command, "in.csv", "--output", "out.csv"), capture_output=True, check=True)
    done = subprocess.run((*command, "-"), input=Path("in.csv").read_bytes(), capture_output=True, check=True)
    assert done.stdout == Path("out.csv").read_bytes()
    assert done.stderr == b"answered 1 of 1 row\n"
    assert subprocess.run((*command, "-", "--quiet"), input=b"", capture_output=True, check=False).stdout == b""


def test_lines_end_and_begin_as_other_programs_write_them(run: Run) -> None:
    write("in.csv", [NO_ANSWER])
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    plain = Path("out.csv").read_bytes()
    text = Path("in.csv").read_text(encoding="utf-8")
    for other in ("\ufeff" + text, text.replace("\n", "\r\n"), text.replace("\n", "\n\n"), text.rstrip("\n")):
        Path("in.csv").write_bytes(other.encode())
        Path("out.csv").unlink()
        assert run("estimate", "--points", "in.csv", "--output", "out.csv").code == 4
        assert Path("out.csv").read_bytes() == plain


def test_a_table_without_rows_has_no_answers(run: Run) -> None:
    Path("in.csv").write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    ran = run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert (ran.code, ran.err) == (0, "answered 0 of 0 rows\n")
    assert Path("out.csv").read_text(encoding="utf-8") == ",".join([*COLUMNS, *NUMBERS, "class", "reason"]) + "\n"


def test_cells_with_a_lone_carriage_return_come_through(run: Run) -> None:
    write("in.csv", [{**NO_ANSWER, "note": "a\rb"}])
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    (found,) = read()
    assert (found["note"], found["reason"]) == ("a\rb", "isl: '0' is no number above 0")


# ---- rows without an answer


@pytest.mark.parametrize(("changes", "reason"), CANNOT_BE, ids=str)
def test_a_cell_that_cannot_be_is_said_and_the_other_rows_are_answered(
    answered: dict[str, dict[str, Any]], changes: dict[str, str], reason: str
) -> None:
    found = answered[case(changes)]
    assert found["reason"] == reason
    assert [found[name] for name in (*NUMBERS, "class")] == [""] * 13


@pytest.mark.parametrize(("changes", "words"), CANNOT_RUN, ids=str)
def test_what_cannot_run_is_said(answered: dict[str, dict[str, Any]], changes: dict[str, str], words: str) -> None:
    found = answered[case(changes)]
    assert words in found["reason"]
    assert [found[name] for name in (*NUMBERS, "class")] == [""] * 13


def test_rows_of_another_width_are_said_and_do_not_shift_the_answers(run: Run) -> None:
    cells = list(GOOD.values())
    lines = [COLUMNS, cells[:-1], [*cells, "1", "2"], NO_ANSWER.values()]
    Path("in.csv").write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    short, long, whole = read()
    assert short["reason"] == "the row has 10 cells, the first line has 11"
    assert long["reason"] == "the row has 13 cells, the first line has 11"
    assert (whole["reason"], short["ttft_ms"], long["ttft_ms"]) == ("isl: '0' is no number above 0", "", "")


def test_rows_without_an_answer_are_counted_by_reason(run: Run) -> None:
    none = [row(isl="0"), row(isl="-7"), row(isl="-7"), row(load="nan"), row(load="nan"), row(replicas="x"), row(model="")]
    write("in.csv", [{"replicas": "", **one} for one in (row(), *none)])
    ran = run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert ran.code == 0
    alike = "3 (such as: isl: '-7' is no number above 0)"
    assert ran.err.startswith(f"answered 1 of 8 rows; not: {alike}, 2 (load: 'nan' is no number above 0), 1 (")
    assert ran.err.endswith("), 1 for other reasons\n")


def test_no_answer_at_all_is_an_error_and_the_reasons_are_written(run: Run) -> None:
    write("in.csv", [row(isl="0"), row(osl="-5")])
    ran = run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("Error GIQ1315: no row has an estimate\n  2 rows: 1 (isl: '0' is no number above 0), 1 (osl: '-5'")
    assert [one["reason"] != "" for one in read()] == [True, True]


# ---- files that are none


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, "GIQ1310", "No such file"),
        (b"", "GIQ1312", "nothing in it"),
        (b"\n\n\r\n", "GIQ1312", "nothing in it"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "GIQ1311", "in.csv:1"),
        ("model,isl\n".encode("utf-16-le"), "GIQ1311", "in.csv:1"),
        (b"model\n" + b"x\n" * 3 + b"\xff\n", "GIQ1311", "in.csv:5"),
        (b"model,isl,osl\nm,1,2\n", "GIQ1313", "missing: model_server, model_server_version, gke_accelerator, accelerator_count"),
        (",".join(COLUMNS[1:]).encode(), "GIQ1313", "missing: model or model_id"),
        (";".join(COLUMNS).encode(), "GIQ1313", "in.csv:1"),
        (",".join([*COLUMNS, "isl"]).encode(), "GIQ1313", "there twice: isl"),
        (f'{",".join(COLUMNS)}\n{",".join(GOOD.values())}\n{",".join(GOOD.values())},"open\n'.encode(), "GIQ1314", "in.csv:3"),
        (f'{",".join(COLUMNS)}\n{",".join(GOOD.values())}\n"a"b,c\n'.encode(), "GIQ1314", "in.csv:3"),
        (f"{','.join(COLUMNS)}\n{'x' * 200_000}\n".encode(), "GIQ1314", "field larger than"),
        (f"{','.join(COLUMNS)}\n".encode() + b"m\xff,\n", "GIQ1311", "in.csv:2"),
        (f"{','.join(COLUMNS)}\n{(','.join(GOOD.values()) + chr(10)) * 9000}".encode() + b"m\xff,\n", "GIQ1311", "in.csv:9002"),
    ],
)
def test_a_file_that_is_no_table_is_an_error_with_its_place(run: Run, content: bytes | None, code: str, told: str) -> None:
    if content is not None:
        Path("in.csv").write_bytes(content)
    Path("out.csv").write_text("before", encoding="utf-8")
    ran = run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error {code}: ")
    assert "  in.csv" in ran.err
    assert told in ran.err
    assert Path("out.csv").read_text(encoding="utf-8") == "before"
    assert files() == {"out.csv", *(["in.csv"] if content is not None else [])}


def test_a_folder_is_no_table(run: Run) -> None:
    assert run("estimate", "--points", ".", "--output", "out.csv").err.startswith("Error GIQ1310: ")
    assert run("estimate", "--points", "a\0b", "--output", "out.csv").err.startswith("Error GIQ1310: ")


def test_a_broken_line_behind_many_leaves_nothing_on_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate_points, "ROWS", 2)
    write("in.csv", [row()] * 9)
    with Path("in.csv").open("a", encoding="utf-8") as file:
        file.write('"open\n')
    ran = run("estimate", "--points", "in.csv")
    assert (ran.code, ran.out) == (1, "")


def test_the_output_cannot_be_written(run: Run) -> None:
    write("in.csv", [NO_ANSWER])
    for target in ("none/out.csv", ".", "/dev/full"):
        ran = run("estimate", "--points", "in.csv", "--output", target)
        assert ran.code == 1
        assert ran.err.startswith("Error GIQ0104: the file cannot be written\n")
    assert files() == {"in.csv"}


def test_an_output_that_is_there_is_replaced_and_keeps_its_rights(run: Run) -> None:
    write("in.csv", [NO_ANSWER])
    Path("out.csv").write_text("before", encoding="utf-8")
    Path("out.csv").chmod(0o640)
    run("estimate", "--points", "in.csv", "--output", "out.csv")
    assert len(read()) == 1
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("target", ["in.csv", "./in.csv", "link.csv"])
def test_the_questions_are_never_replaced_by_the_answers(run: Run, target: str) -> None:
    write("in.csv", [NO_ANSWER])
    before = Path("in.csv").read_bytes()
    Path("link.csv").symlink_to("in.csv")
    ran = run("estimate", "--points", "in.csv", "--output", target)
    assert (ran.code, ran.err.splitlines()[0]) == (1, "Error GIQ0111: flags that do not go together")
    assert Path("in.csv").read_bytes() == before


# ---- whatever comes in

NUMERIC = ("", " ", "0", "-1", "1", "7.5", "64", "1e9", "1e-9", "1e308", "nan", "inf", "None", "\x00", "\u0661")
WORDS = ("tp8", "tp0", "tp1dp2", "rate", "concurrency", "vllm", "sglang", "trtllm", "Qwen/Qwen3-32B", "openai/gpt-oss-120b", "nvidia-l4")
CELLS = st.sampled_from((*NUMERIC, *WORDS, "nvidia-b200", "tpu-v6e-slice", "fp8", "fp4")) | st.text(max_size=8)
ROWS = st.lists(st.fixed_dictionaries({name: st.just(GOOD[name]) | CELLS for name in COLUMNS}), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, replicas=CELLS)
def test_whatever_stands_in_the_cells_every_row_has_an_answer_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], replicas: str
) -> None:
    folder = tmp_path_factory.mktemp("points")
    source, target = folder / "in.csv", folder / "out.csv"
    write(str(source), [{**one, "replicas": replicas} for one in rows])
    try:
        estimate_points.run(CATALOG, str(source), str(target), quiet=True)
    except GiqplanError as error:
        assert error.code in {"GIQ1314", "GIQ1315"}
    if target.exists():
        found = read(str(target))
        assert len(found) == len(rows)
        for one in found:
            numbers = [one[name] for name in NUMBERS]
            if one["reason"]:
                assert [*numbers, one["class"]] == [""] * 13
            else:
                assert all(0 <= float(one[f"{m}_low"]) <= float(one[m]) <= float(one[f"{m}_high"]) for m in METRICS if one[m])
                assert one["ntpot_ms"] and one["output_tok_per_s"] and one["class"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='a,"\r\n\0\ufeff1', max_size=60).map(str.encode), st.booleans())
def test_whatever_bytes_come_in_only_errors_of_ours_come_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, headed: bool
) -> None:
    folder = tmp_path_factory.mktemp("points")
    source, target = folder / "in.csv", folder / "out.csv"
    source.write_bytes((",".join(COLUMNS).encode() + b"\n" if headed else b"") + content)
    code = main(["estimate", "--points", str(source), "--output", str(target), "--quiet", "-f", str(folder)])
    assert code in (0, 1, 4)
    assert target.exists() == (code != 1)
    assert len(list(folder.iterdir())) == 1 + target.exists()
