"""Flags that choose profiles, gcloud's and ours, and the question to the catalog that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giqplan.cli import listing
from giqplan.errors import NoProfileError, UsageError
from giqplan.model.profiles import MATCH, NEAR, ProfileAnswers, ProfileQuery
from giqplan.model.recommendation import PricingModel, Provenance, Reason

if TYPE_CHECKING:
    from giqplan.catalog import Catalog
    from giqplan.catalog.columns import Columns
    from giqplan.catalog.inventory import Entry
    from giqplan.render.lists import Layout
    from giqplan.render.profile_records import Priced

LATEST, ALL, NONE = "latest", "all", "none"


def names(parser: argparse.ArgumentParser, required: Iterable[str] = ()) -> None:
    """``--model``, ``--model-server``, ``--model-server-version``."""
    needed = set(required)
    parser.add_argument("--model", required="model" in needed, metavar="MODEL", help="a Hugging Face id, or another name of it")
    parser.add_argument("--model-server", required="model-server" in needed, metavar="SERVER", help="vllm, sglang ... (default: any)")
    text = "a version, latest (the newest measured of each model, server, accelerator and stack) or all (default: %(default)s)"
    parser.add_argument("--model-server-version", metavar="VERSION", default=LATEST, help=text)


def prices(parser: argparse.ArgumentParser) -> None:
    """``--pricing-model``, ``--region``, ``--output-input-cost-ratio``."""
    models = [model.value for model in PricingModel]
    text = f"{', '.join(models)} (default: spot, as gcloud)"
    parser.add_argument("--pricing-model", choices=models, default=PricingModel.SPOT.value, metavar="MODEL", help=text)
    parser.add_argument(
        "--region", metavar="REGION", default="", help="where machines are priced (default, as gcloud: us-east5; A3 us-central1)"
    )
    text = "an output token costs so many times an input token (default: %(default)s)"
    parser.add_argument("--output-input-cost-ratio", type=_usd, metavar="RATIO", default=Decimal(4), help=text)


def workload(parser: argparse.ArgumentParser) -> None:
    """``--use-case``, target lengths, stack, machine, accelerator, provenance."""
    parser.add_argument("--use-case", metavar="NAME", help="profiles whose lengths match this use case's within 20 %% (use-cases list)")
    for way, other in (("input", "output"), ("output", "input")):
        text = f"profiles within 20 %% of it; together with the {other} length"
        parser.add_argument(f"--target-{way}-length", type=listing.count, metavar="TOKENS", help=text)
    parser.add_argument("--nearest", action="store_true", help="also lengths within a factor of two, the distance shown")
    parser.add_argument("--serving-stack", metavar="STACK", help="llm-d ...; none: plain deployments only (default: any)")
    parser.add_argument("--serving-stack-version", metavar="VERSION", help="a version of that stack")
    parser.add_argument("--instance-type", metavar="MACHINE", help="measured on this machine type, or bought as it")
    parser.add_argument("--accelerator-type", metavar="LABEL", help="GKE's label, nvidia-h100-80gb ...")
    parser.add_argument("--accelerator-count", type=listing.count, metavar="N", help="accelerators of one replica")
    known = ", ".join(one.value for one in Provenance)
    parser.add_argument("--provenance", type=_provenances, metavar="LIST", default=(), help=f"of {known}, parted by commas (default: any)")


def targets(parser: argparse.ArgumentParser) -> None:
    """The latencies and costs to be met."""
    latencies(parser)
    costs(parser)


def latencies(parser: argparse.ArgumentParser) -> None:
    """``--target-ntpot-milliseconds``, ``-ttft-``, ``-itl-``."""
    for name, what in (
        ("ntpot", "request latency / output tokens"),
        ("ttft", "time to first token"),
        ("itl", "time between output tokens"),
    ):
        text = f"{name.upper()}, {what}, at most so many ms; shown is the highest load that holds it"
        parser.add_argument(f"--target-{name}-milliseconds", type=milliseconds, metavar="MS", help=text)


def costs(parser: argparse.ArgumentParser) -> None:
    """``--target-cost-per-million-output-tokens``, ``-input-``."""
    for way in ("output", "input"):
        text = f"at most so many US dollars per million {way} tokens"
        parser.add_argument(f"--target-cost-per-million-{way}-tokens", type=_usd, metavar="USD", help=text)


def milliseconds(text: str) -> float:
    """A number above 0, as a type of argparse."""
    return float(_usd(text))


def _usd(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(0)
    if not found.is_finite() or found <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return found


def _provenances(text: str) -> tuple[Provenance, ...]:
    known = [one.value for one in Provenance]
    words = [word.strip() for word in text.split(",")]
    if wrong := [word for word in words if word not in known]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(known)}")
    return tuple(Provenance(word) for word in words)


@dataclass(frozen=True)
class Asked:
    """The question and the catalog it goes to. ``shared``: models of the same architecture whose curves count as well."""

    catalog: Catalog
    columns: Columns
    query: ProfileQuery
    priced: Priced
    shared: tuple[str, ...]

    def answers(self, **changes: Any) -> ProfileAnswers:
        """What the catalog answers; ``changes``: fields of the query to replace."""
        from giqplan.catalog.query import ask

        return ask(self.columns, replace(self.query, **changes))


def refuse(args: argparse.Namespace, asked: Asked, layout: Layout) -> NoProfileError:
    """The error of an answer without rows, once the empty list is printed."""
    listing.print_empty(args, layout)
    return no_rows(asked)


def no_rows(asked: Asked) -> NoProfileError:
    """The error of an answer without rows: what stands in the way, and what can be reached."""
    from giqplan.render.profile_notes import no_profile

    answers = asked.answers(rejections=None)
    cheapest = None
    if Reason.TOO_EXPENSIVE_PER_TOKEN in answers.rejected:
        unlimited = asked.answers(max_usd_per_million_output_tokens=None, max_usd_per_million_input_tokens=None, limit=1)
        cheapest = unlimited.rows[0]
    return no_profile(answers, asked.query, cheapest)


def asked(args: argparse.Namespace) -> Asked:
    """The question that the flags stand for. Raises UsageError GIQ0111 for flags that contradict each other, CatalogError for names."""
    return asked_of(args, checked_catalog(args))


def checked_catalog(args: argparse.Namespace) -> Catalog:
    """The catalog, once the flags are known to go together. Raises UsageError GIQ0111."""
    listing.check_flags(args)
    _check(args)
    return listing.catalog_of(args)


def asked_of(args: argparse.Namespace, catalog: Catalog) -> Asked:
    """``asked`` of a catalog that is open."""
    model, shared = _model(catalog, args.model)
    query = _by_name(catalog, args, (model, *shared) if model else ())
    return _priced(catalog, args, by_workload(catalog, args, query), shared)


def _check(args: argparse.Namespace) -> None:
    lengths = [getattr(args, f"target_{way}_length", None) for way in ("input", "output")]
    use_case = getattr(args, "use_case", None)
    if lengths.count(None) == 1:
        raise UsageError("GIQ0111", "--target-input-length and --target-output-length stand together", "give both")
    if use_case and lengths.count(None) == 0:
        raise UsageError("GIQ0111", "--use-case and target lengths say the same thing twice", "give one of them")
    if getattr(args, "nearest", False) and not use_case and None in lengths:
        raise UsageError("GIQ0111", "--nearest: nearest to what?", "add --use-case, or --target-input-length and --target-output-length")
    if getattr(args, "serving_stack_version", None) and not args.serving_stack:
        raise UsageError("GIQ0111", "--serving-stack-version: of which stack?", "add --serving-stack")


def _model(catalog: Catalog, text: str | None) -> tuple[str, tuple[str, ...]]:
    """The model's id and the measured models of its architecture. Raises NoProfileError GIQ1236 where none was measured."""
    from giqplan.catalog.inventory import entries
    from giqplan.cli.named import model_id, no_profiles

    if not text:
        return "", ()
    model = model_id(catalog, text)
    shared = dict.fromkeys(curve.shared_from for curve in catalog.curves_for(model) if curve.shared_from)
    if not shared and not entries(catalog, model):
        raise no_profiles(catalog, model)
    return model, tuple(shared)


def _by_name(catalog: Catalog, args: argparse.Namespace, models: tuple[str, ...]) -> ProfileQuery:
    from giqplan.catalog.inventory import entries
    from giqplan.cli.named import known_name

    found = [e for e in entries(catalog) if not models or e.model in models]
    query = ProfileQuery(models=models, latest_version=args.model_server_version == LATEST)
    if args.model_server:
        query = replace(query, servers=(known_name("model server", args.model_server, {e.server for e in found}),))
        found = [e for e in found if e.server == args.model_server]
    if args.model_server_version not in (LATEST, ALL):
        version = args.model_server_version.removeprefix("v")
        query = replace(query, versions=(known_name("model server version", version, {e.version for e in found}),))
    return replace(query, stacks=_stacks(args, found)) if getattr(args, "serving_stack", None) else query


def _stacks(args: argparse.Namespace, found: Iterable[Entry]) -> tuple[str, ...]:
    """The stack as the catalog writes it, in every version that is asked for."""
    from giqplan.cli.named import known_name

    if args.serving_stack == NONE:
        return ("",)
    every = {(e.stack, e.stack_version) for e in found if e.stack}
    stack = known_name("serving stack", args.serving_stack, {name for name, _ in every})
    versions = {version for name, version in every if name == stack}
    if args.serving_stack_version:
        versions = {known_name(f"version of {stack}", args.serving_stack_version, versions)}
    return tuple(f"{stack}/{version}" if version else stack for version in sorted(versions))


def lengths_of(catalog: Catalog, args: argparse.Namespace) -> tuple[int | None, int | None]:
    """Input and output tokens that the flags ask for, by number or by use case; None = any."""
    if args.use_case:
        found = catalog.use_case(args.use_case)
        return found.input_tokens, found.output_tokens
    return args.target_input_length, args.target_output_length


def by_workload(catalog: Catalog, args: argparse.Namespace, query: ProfileQuery) -> ProfileQuery:
    """``query`` for the lengths, machine, accelerator and provenance of the flags, where the command has them."""
    from giqplan.cli.named import accelerator_label

    if not hasattr(args, "use_case"):
        return query
    lengths = lengths_of(catalog, args)
    if args.instance_type:
        catalog.machine(args.instance_type)
    return replace(
        query,
        input_tokens=lengths[0],
        output_tokens=lengths[1],
        max_distance=NEAR if args.nearest else MATCH,
        machine_types=(args.instance_type,) if args.instance_type else (),
        accelerators=(accelerator_label(catalog, args.accelerator_type),) if args.accelerator_type else (),
        accelerator_counts=(args.accelerator_count,) if args.accelerator_count else (),
        provenances=args.provenance,
    )


def _priced(catalog: Catalog, args: argparse.Namespace, query: ProfileQuery, shared: tuple[str, ...]) -> Asked:
    from giqplan.catalog.columns import open_columns
    from giqplan.cli.places import folder_of

    folder = folder_of(Path(args.intent))
    how = priced(catalog, args)
    columns = open_columns(catalog, folder / "cache" if folder.is_dir() else None)
    return Asked(catalog, columns, with_targets(catalog, args, query, columns, how), how, shared)


def priced(catalog: Catalog, args: argparse.Namespace) -> Priced:
    """How costs are asked for. Raises CatalogError GIQ1235 for a region that no table knows."""
    from giqplan.cli.named import known_name
    from giqplan.render.profile_records import Priced

    region = getattr(args, "region", "")
    if region:
        known_name("region", region, {row.text("region") for table in ("zones", "prices") for row in catalog.rows(table)})
    how = PricingModel(getattr(args, "pricing_model", PricingModel.SPOT))
    return Priced(how, region, getattr(args, "output_input_cost_ratio", Decimal(4)))


def with_targets(catalog: Catalog, args: argparse.Namespace, query: ProfileQuery, columns: Columns, how: Priced) -> ProfileQuery:
    """``query`` with the latencies and costs of the flags, and as what the hardware of ``columns`` is bought."""
    from giqplan.catalog.offers import offers

    return replace(
        query,
        ntpot_ms=getattr(args, "target_ntpot_milliseconds", None),
        ttft_ms=getattr(args, "target_ttft_milliseconds", None),
        itl_ms=getattr(args, "target_itl_milliseconds", None),
        offers=offers(catalog, columns.hardware, how.pricing_model, how.region),
        output_input_cost_ratio=how.ratio,
        max_usd_per_million_output_tokens=getattr(args, "target_cost_per_million_output_tokens", None),
        max_usd_per_million_input_tokens=getattr(args, "target_cost_per_million_input_tokens", None),
    )
