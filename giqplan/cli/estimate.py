"""giqplan estimate: latency and throughput of one replica where nobody has measured them, from a model fitted to what was measured."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.cli import listing, options
from giqplan.cli.profile_question import milliseconds
from giqplan.errors import Exit, UsageError
from giqplan.model.estimate import LARGEST, MOST_ACCELERATORS, LoadKind, Setup

if TYPE_CHECKING:
    from giqplan.catalog import Catalog, Model
    from giqplan.model.estimate import EstimatedCurve, NoEstimate

BEYOND = 2.0
"""How far a curve is shown beyond its saturation point, in loads: there latency grows and nothing else does."""

_ONE = ("model", "model_server", "accelerator", "count")
_IDLE_WITH_POINTS = (
    *_ONE,
    "config",
    "model_server_version",
    "precision",
    "parallelism",
    "input_length",
    "output_length",
    "use_case",
    "concurrency",
    "qps",
    "curve",
    "format",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The flags of one question, and of a table of them."""
    one = parser.add_argument_group("one question")
    one.add_argument("--model", metavar="MODEL", help="a Hugging Face id, or another name of it")
    one.add_argument("--config", metavar="FILE", help="the model's Hugging Face config.json, where the catalog does not know the model")
    one.add_argument("--model-server", metavar="SERVER", help="vllm, sglang ...")
    one.add_argument("--model-server-version", metavar="VERSION", help="its version (default: unsaid)")
    one.add_argument("--accelerator", metavar="LABEL", help="GKE's label, nvidia-h100-80gb ...")
    one.add_argument("--count", type=_count, metavar="N", help="accelerators of the replica")
    one.add_argument("--precision", metavar="NAME", help="bf16, fp8, fp4, int4 ... (default: the checkpoint's own)")
    one.add_argument("--parallelism", metavar="tpN", help="tp8, tp4dp2 ... (default: tensor parallel over all)")
    for way in ("input", "output"):
        one.add_argument(f"--{way}-length", type=_tokens, metavar="TOKENS", help=f"mean {way} tokens of a request")
    one.add_argument("--use-case", metavar="NAME", help="the lengths of this use case instead (use-cases list)")
    load = one.add_mutually_exclusive_group()
    load.add_argument("--concurrency", type=_load, metavar="N", help="requests in flight, each followed by the next (a closed loop)")
    load.add_argument("--qps", type=_load, metavar="RATE", help="requests a second, which arrive by chance (an open loop)")
    load.add_argument("--curve", action="store_true", help="loads from one request in flight to twice the saturation point")
    listing.formats(parser, None)
    many = parser.add_argument_group("a table of questions")
    columns = "model or model_id, model_server, model_server_version, gke_accelerator, accelerator_count, precision, parallelism, isl, osl"
    text = f"CSV with the columns {columns}, load_kind (concurrency or rate) and load; - is standard input"
    many.add_argument("--points", metavar="IN.csv", help=text)
    text = "the same table with the answers appended, written whole or not at all; - is standard output (default)"
    many.add_argument("--output", metavar="OUT.csv", help=text)
    listing.layers(parser)
    options.quiet(parser)


def run(args: argparse.Namespace) -> Exit:
    """Answer one question, or a table of them. Raises UsageError for flags that are missing (GIQ0101) or do not go together (GIQ0111),
    CatalogError for names, RecommendError for what cannot be estimated."""
    if args.points is not None:
        return _table(args)
    _check(args)
    return _question(args)


def _table(args: argparse.Namespace) -> Exit:
    from giqplan.cli import estimate_points

    if idle := [name for name in _IDLE_WITH_POINTS if getattr(args, name)]:
        flag = f"--{idle[0].replace('_', '-')}"
        raise UsageError("GIQ0111", f"{flag}: --points has its questions in the table", "leave one of them out")
    return estimate_points.run(listing.catalog_of(args), args.points, args.output or estimate_points.STREAM, quiet=args.quiet)


def _check(args: argparse.Namespace) -> None:
    if args.output is not None:
        raise UsageError("GIQ0111", "--output: only the answers to --points are written to a file", "send standard output there")
    missing = [f"--{name.replace('_', '-')}" for name in _ONE if not getattr(args, name)]
    if args.use_case and (args.input_length or args.output_length):
        raise UsageError("GIQ0111", "--use-case and lengths say the same thing twice", "give one of them")
    if not args.use_case:
        missing += [f"--{way}-length" for way in ("input", "output") if not getattr(args, f"{way}_length")]
    if args.concurrency is None and args.qps is None and not args.curve:
        missing.append("--concurrency, --qps or --curve")
    if missing:
        raise UsageError("GIQ0101", f"missing: {', '.join(missing)}", "or give a table of questions with --points; giqplan estimate --help")


def _question(args: argparse.Namespace) -> Exit:
    from giqplan.cli import named
    from giqplan.recommend.estimator.beside import at_load, curves_beside, published_beside
    from giqplan.recommend.estimator.door import Estimator
    from giqplan.render.estimates import CURVE, ONE, curve_notes, records

    catalog = listing.catalog_of(args)
    lengths = args.input_length, args.output_length
    if args.use_case:
        use_case = catalog.use_case(args.use_case)
        lengths = use_case.input_tokens, use_case.output_tokens
    catalog, model = _model(catalog, args.model, args.config)
    setup = Setup(
        model_id=model.model_id,
        model_server=args.model_server.lower(),
        model_server_version=(args.model_server_version or "").removeprefix("v"),
        accelerator=named.accelerator_label(catalog, args.accelerator),
        accelerator_count=args.count,
        precision=(args.precision or "").lower(),
        parallelism=(args.parallelism or "").lower(),
    )
    kind = LoadKind.RATE if args.qps is not None else LoadKind.CONCURRENCY
    estimator = Estimator(catalog)
    ladder = _answer(estimator.curve(setup, *lengths, kind))
    top = None if ladder.saturation is None else ladder.loads[ladder.saturation]
    if args.curve:
        answer = replace(ladder, loads=tuple(one for one in ladder.loads if top is None or one.load <= BEYOND * top.load))
    else:
        answer = _answer(estimator.curve(setup, *lengths, kind, [args.concurrency if args.qps is None else args.qps]))
    measured = curves_beside(catalog, model, setup, *lengths)
    beside = [at_load(measured, kind, one.load) for one in answer.loads]
    found = records(model, answer, top, beside, published_beside(catalog, setup))
    args.format = args.format or "table"
    listing.print_records(args, found, CURVE if args.curve else ONE, curve_notes(found) if args.curve else ())
    return Exit.DONE


def _model(catalog: Catalog, name: str, config: str | None) -> tuple[Catalog, Model]:
    """The model, and the catalog that knows it: also where only its config.json says what it is made of."""
    from giqplan.catalog.model_config import read_model
    from giqplan.cli.named import model_id
    from giqplan.errors import CatalogError

    if config is not None:
        described = read_model(Path(config), name, catalog.model(name))
        return catalog.with_model(described, name), described
    found = catalog.model(model_id(catalog, name))
    if found is None:
        raise CatalogError("GIQ1235", f"{name} is measured, but the catalog does not say what it is made of", "give its --config")
    return catalog, found


def _answer(found: EstimatedCurve | NoEstimate) -> EstimatedCurve:
    from giqplan.errors import RecommendError
    from giqplan.model.estimate import NoEstimate

    if isinstance(found, NoEstimate):
        raise RecommendError(found.code, found.reason, found.remedy)
    return found


def _tokens(text: str) -> int:
    return int(_within(text, listing.count(text), LARGEST))


def _count(text: str) -> int:
    return int(_within(text, listing.count(text), MOST_ACCELERATORS))


def _load(text: str) -> float:
    return _within(text, milliseconds(text), LARGEST)


def _within(text: str, value: float, most: float) -> float:
    if value > most:
        raise argparse.ArgumentTypeError(f"{text!r} is beyond {most:,.0f}")
    return value
