"""giqplan benchmarks plot: latency against throughput, or cost against latency, drawn for a terminal, as SVG, PNG or HTML."""

from __future__ import annotations

import argparse
import shutil
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from giqplan.cli import chart_file, listing, options, profile_question
from giqplan.cli.benchmarks_list import curves_of
from giqplan.errors import Exit, NoProfileError, UsageError
from giqplan.model.profiles import METRICS
from giqplan.model.recommendation import PricingModel

if TYPE_CHECKING:
    from giqplan.cli.listing import Commands
    from giqplan.cli.profile_question import Asked
    from giqplan.render.charts.chart import Chart

_PIPED_COLUMNS = 100
_WIDEST = 160
_CURVES = 6
_COSTS = {
    "pricing_model": "--pricing-model",
    "region": "--region",
    "output_input_cost_ratio": "--output-input-cost-ratio",
    "target_cost_per_million_output_tokens": "--target-cost-per-million-output-tokens",
    "target_cost_per_million_input_tokens": "--target-cost-per-million-input-tokens",
}


def configure(commands: Commands) -> None:
    """``plot``, with the flags that choose profiles, as ``benchmarks list`` has them."""
    one = listing.command(commands, "plot", "draw latency against throughput, or with --pareto cost against latency")
    one.add_argument("--pareto", action="store_true", help="cost against latency of all candidates, and those that none beats in both")
    one.add_argument("--latency", choices=METRICS, default=METRICS[0], help="the latency that is drawn (default: %(default)s)")
    one.add_argument("--log", action="store_true", help="logarithmic axes of latency and cost")
    text = f"draw at most N curves, those with the highest throughput (default: {_CURVES}); not with --pareto"
    one.add_argument("--limit", type=listing.count, metavar="N", help=text)
    text = "terminal, svg, png or html (default: what the suffix of -o says, else terminal)"
    one.add_argument("--format", choices=chart_file.FORMATS, metavar="FORMAT", help=text)
    one.add_argument("-o", "--output", metavar="FILE", help="write the chart there; .svg, .png, .html or .txt choose the format")
    one.add_argument("--overwrite", action="store_true", help="also in place of a file that giqplan has not drawn")
    profile_question.names(one, required=("model",))
    profile_question.latencies(one)
    profile_question.workload(one)
    profile_question.prices(one)
    profile_question.costs(one)
    listing.layers(one)
    options.output_style(one)
    options.debug(one)
    one.set_defaults(work=_plot, page_size=None, uri=False, pricing_model=None, region=None, output_input_cost_ratio=None)


def _plot(args: argparse.Namespace) -> Exit:
    """Draw the chart. Raises NoProfileError where nothing is what is asked for (GIQ1237) or nothing of it can be drawn (GIQ1245)."""
    args.format = chart_file.chosen_format(args.format, args.output)
    _check(args)
    if args.output:
        chart_file.check_target(args.output, args.overwrite)
    asked = profile_question.asked(args)
    chart = _pareto(args, asked) if args.pareto else _latency(args, asked)
    columns, color = _PIPED_COLUMNS, False
    if args.format == "terminal" and not args.output and chart_file.to_terminal():
        columns = min(shutil.get_terminal_size((_PIPED_COLUMNS, 24)).columns, _WIDEST)
        color = not args.no_color
    chart_file.write(chart, args.format, args.output, columns=columns, color=color)
    if args.output and not args.quiet:
        print(f"wrote {args.output}", file=sys.stderr)
    return Exit.DONE


def _check(args: argparse.Namespace) -> None:
    """UsageError GIQ0111 for flags without effect; gcloud's defaults for those of prices."""
    idle = [flag for name, flag in _COSTS.items() if getattr(args, name) is not None]
    if idle and not args.pareto:
        raise UsageError("GIQ0111", f"{', '.join(idle)}: without --pareto no cost is drawn", "add --pareto, or leave it out")
    if args.pareto and args.limit:
        raise UsageError("GIQ0111", "--limit: --pareto draws all candidates", "leave one of them out")
    if args.overwrite and not args.output:
        raise UsageError("GIQ0111", "--overwrite: no file is written", "add -o FILE")
    args.pricing_model = args.pricing_model or PricingModel.SPOT.value
    args.region = args.region or ""
    args.output_input_cost_ratio = args.output_input_cost_ratio or Decimal(4)


def _latency(args: argparse.Namespace, asked: Asked) -> Chart:
    from giqplan.render.charts.latency import latency_chart

    curves = curves_of(asked)
    if not curves:
        raise profile_question.no_rows(asked)
    chart = latency_chart(_model(asked), curves, args.latency, asked.query.targets, args.limit or _CURVES, _origin(asked), args.log)
    if chart is None:
        what = f"none of the {len(curves)} curves has token lengths, a trustworthy load and {args.latency.upper()} at each of them"
        raise NoProfileError("GIQ1245", what, f"draw another latency: --latency {'|'.join(m for m in METRICS if m != args.latency)}")
    return chart


def _pareto(args: argparse.Namespace, asked: Asked) -> Chart:
    from giqplan.render.charts.pareto import pareto_chart
    from giqplan.render.profile_notes import price_note

    answers = asked.answers()
    if not answers.rows:
        raise profile_question.no_rows(asked)
    chart = pareto_chart(_model(asked), answers, args.latency, asked.query.targets, price_note(asked.priced), _origin(asked), args.log)
    if chart is None:
        whys = sorted({row.offer.why for row in answers.rows if row.offer is not None and row.offer.why})
        what = f"none of the {len(answers.rows)} candidates has both a price and {args.latency.upper()}: {'; '.join(whys[:3])}"
        raise NoProfileError("GIQ1245", what, "choose another --region, --pricing-model or --latency")
    return chart


def _model(asked: Asked) -> str:
    """The model that was asked for, by its id."""
    return asked.query.models[0]


def _origin(asked: Asked) -> str:
    return f"{chart_file.ORIGIN} from the catalog of {asked.catalog.date}, {asked.catalog.digest[:19]}"
