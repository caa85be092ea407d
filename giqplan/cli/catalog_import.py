"""giqplan catalog import: benchmark reports of other tools become curves of the user's layer (docs/import.md)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giqplan.cli import options
from giqplan.cli.places import home_of
from giqplan.errors import CatalogError, ErrorList, Exit, GiqplanError, Place
from giqplan.units import canonical_json

if TYPE_CHECKING:
    from giqplan.catalog.importers import Measurement
    from giqplan.catalog.importers.assemble import Assembled
    from giqplan.catalog.importers.profiles import Given

LARGEST_MIB = 256
_BESIDE = ("config.yaml",)
_FORMATS = "inference-perf's stage_N_lifecycle_metrics.json, llm-d's Benchmark Report, GuideLLM's JSON or CSV, gcloud's CSV of benchmarks"


def configure(parser: argparse.ArgumentParser) -> None:
    text = (
        "stage_N_lifecycle_metrics.json of inference-perf, an llm-d Benchmark Report, GuideLLM's JSON or CSV, or gcloud's CSV of benchmarks"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=text)
    what = parser.add_argument_group("what was measured", "what a report says itself may be left out; what is given must agree with it")

    def flag(name: str, metavar: str, text: str, kind: type = str) -> None:
        what.add_argument(name, metavar=metavar, type=kind, help=text)

    flag("--model", "M", "the model's Hugging Face id")
    flag("--served-model-name", "NAME", "the name under which the server served it, where the reports say another than M")
    flag("--model-server", "S", "vllm, sglang, ...")
    flag("--model-server-version", "V", "its version (default: unknown, which a plan uses only where the intent names it)")
    flag("--accelerator", "A", "the accelerator's GKE label, such as nvidia-l4")
    flag("--count", "N", "accelerators of one replica", int)
    flag("--replicas", "N", "replicas that served together: loads and rates are theirs together (default: 1)", int)
    flag("--machine-type", "T", "the machine that it ran on")
    flag("--precision", "P", "bf16, fp8, fp4, int4 or bitsandbytes (default: the checkpoint's own)")
    flag("--parallelism", "tpN", "how a replica used its accelerators: tp8, tp4dp2 (default: tp1 of one, else unsaid)")
    flag("--serving-stack", "STACK", "such as llm-d (default: none)")
    flag("--use-case", "U", "the workload by its use case")
    flag("--input-length", "TOKENS", "mean input tokens of a request", int)
    flag("--output-length", "TOKENS", "mean output tokens of a request", int)
    told = "which statistic of the latencies is taken (default: the median where the reports have it, else the mean)"
    what.add_argument("--statistic", choices=["p50", "mean"], help=told)
    flag("--measured-at", "DATE", "YYYY-MM-DD, YYYY-MM or YYYY")
    flag("--note", "TEXT", "a remark that stays with the curves")
    parser.add_argument("--dry-run", action="store_true", help="show what would be added, and write nothing")
    options.beside(parser)
    options.format_option(parser, ("text", "json"))


def run(args: argparse.Namespace) -> Exit:
    """All of the files or nothing. Raises CatalogError GIQ1204 to GIQ1207, GIQ1215 to GIQ1224."""
    from giqplan.catalog import open_catalog
    from giqplan.catalog.importers.assemble import assemble
    from giqplan.catalog.layer import add_curves
    from giqplan.catalog.layers import FOLDERS, USER
    from giqplan.render.imported import imported_json, imported_text

    home, given = home_of(Path(args.intent)), _given(args)
    catalog = open_catalog(home)
    measurements, digests = _read(args.files)
    found: Assembled = assemble(measurements, given, catalog, digests)
    date = found.date or catalog.layers[0].date  # a layer has a date; a report without one makes it no younger than what is shipped
    changes = add_curves(home / FOLDERS[USER], found.curves, found.sources, date, dry_run=args.dry_run)
    told: dict[str, Any] = {"curves": found.curves, "changes": changes, "warnings": found.warnings}
    if args.format == "json":
        print(canonical_json(imported_json(**told, dry_run=args.dry_run)))
    else:
        print(imported_text(**told, folder=str(FOLDERS[USER]), dry_run=args.dry_run), end="")
    return Exit.DONE


def _given(args: argparse.Namespace) -> Given:
    from giqplan.catalog.importers.profiles import FLAGS, Given
    from giqplan.errors import UsageError
    from giqplan.model.recommendation import Statistic

    if (args.input_length is None) is not (args.output_length is None):
        raise UsageError("GIQ0101", "--input-length and --output-length go together", "give both, or --use-case")
    if args.use_case and args.input_length is not None:
        raise UsageError("GIQ0101", "--use-case and lengths are both given", "give one of them")
    columns = {column: getattr(args, flag.lstrip("-").replace("-", "_")) for column, flag in FLAGS.items()}
    return Given(
        columns={column: str(value) for column, value in columns.items() if value is not None},
        served_model_name=args.served_model_name or "",
        input_tokens=args.input_length,
        output_tokens=args.output_length,
        statistic=Statistic(args.statistic) if args.statistic else None,
        measured_at=args.measured_at or "",
        note=args.note or "",
    )


def _read(files: list[str]) -> tuple[list[Measurement], dict[str, str]]:
    """All measurements and the digest of each file; a file that is named twice is read once. Raises the errors of all files together."""
    from giqplan.catalog.importers import read
    from giqplan.catalog.importers.assemble import digest_of

    measurements: list[Measurement] = []
    digests: dict[str, str] = {}
    errors: list[GiqplanError] = []
    for file in dict.fromkeys(files):
        try:
            data = _bytes(Path(file))
            beside = {name: _bytes(path) for name in _BESIDE if (path := Path(file).with_name(name)).is_file()}
            measurements += read(file, data, beside)
            digests[file] = digest_of(data)
        except GiqplanError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorList(errors)
    return measurements, digests


def _bytes(path: Path) -> bytes:
    """The file's bytes, never more than LARGEST_MIB of them. Raises CatalogError GIQ1215."""
    most = LARGEST_MIB * 2**20
    try:
        with path.open("rb") as handle:
            large = os.fstat(handle.fileno()).st_size > most
            data = b"" if large else handle.read(most + 1)  # a pipe has no size
    except (OSError, ValueError) as error:
        detail = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise CatalogError("GIQ1215", detail, "Name a report file that is there and yours to read.", Place(str(path))) from None
    if large or len(data) > most:
        remedy = "Let the tool leave out single requests (GuideLLM: sample_size), or import the stage files."
        raise CatalogError("GIQ1215", f"larger than {LARGEST_MIB} MiB", remedy, Place(str(path)))
    return data
