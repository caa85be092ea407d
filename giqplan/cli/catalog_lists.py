"""The list commands that name what the catalog holds: models, servers, versions, stacks, use cases."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giqplan.cli import listing
from giqplan.errors import Exit
from giqplan.model.values import JsonObject

if TYPE_CHECKING:
    from giqplan.catalog import Catalog
    from giqplan.catalog.inventory import Tally
    from giqplan.render.lists import Layout

_Records = Callable[["Catalog", argparse.Namespace], Iterable[JsonObject]]
_OUR_COLUMNS = (("PROFILES", "giqplan.profiles"), ("PROVENANCE", "giqplan.provenance"), ("NEWEST", "giqplan.newestMeasuredAt"))


@dataclass(frozen=True)
class _List:
    """``required`` and ``optional``: flags, as gcloud has them. ``columns``: title and key, the first one names the record."""

    help: str
    records: _Records
    columns: tuple[tuple[str, str], ...]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def _counted(tally: Tally) -> Mapping[str, Any]:
    return {"profiles": tally.curves, "provenance": list(tally.provenances), "newestMeasuredAt": tally.newest}


def _models(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import Tally, entries, tallies

    found = tallies(entries(catalog), lambda e: e.model)
    for name in sorted({*found, *(catalog.model_ids() if args.all else ())}):
        model, tally = catalog.model(name), found.get(name, Tally(0, (), (), ""))
        yield {
            "model": name,
            "giqplan": {
                **_counted(tally),
                "newestMeasuredAt": tally.newest or None,
                "accelerators": list(tally.accelerators),
                "parametersBillions": model.params_b if model else None,
                "maxContextLength": model.max_context if model else None,
            },
        }


def _servers(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import tallies

    for name, tally in tallies(_measured(catalog, args), lambda e: e.server).items():
        yield {"modelServer": name, "giqplan": _counted(tally)}


def _versions(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import tallies
    from giqplan.catalog.versions import version_key

    found = tallies(_measured(catalog, args), lambda e: e.version)
    for name in sorted(found, key=lambda v: (bool(v), version_key(v), v), reverse=True):
        yield {"modelServerVersion": name or None, "giqplan": _counted(found[name])}


def _stacks(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import split_stack, tallies

    with_stack = (e for e in _measured(catalog, args) if e.stack)
    for text, tally in tallies(with_stack, lambda e: f"{e.stack}/{e.stack_version}").items():
        name, version = split_stack(text)
        yield {"name": name, "version": version or None, "giqplan": _counted(tally)}


def _stack_versions(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import entries, tallies
    from giqplan.cli.named import known_name

    known_name("serving stack", args.serving_stack, {e.stack for e in entries(catalog) if e.stack})
    found = (e for e in _measured(catalog, args) if e.stack == args.serving_stack)
    for name, tally in tallies(found, lambda e: e.stack_version).items():
        yield {"version": name or None, "giqplan": _counted(tally)}


def _use_cases(catalog: Catalog, args: argparse.Namespace) -> Iterator[JsonObject]:
    from giqplan.catalog.inventory import entries
    from giqplan.model.profiles import MATCH, length_distance

    lengths = [(e.input_tokens, e.output_tokens) for e in entries(catalog)]
    for one in catalog.use_cases():
        shape = (one.input_tokens, one.output_tokens)
        yield {
            "useCase": one.name,
            "averageInputLength": one.input_tokens,
            "averageOutputLength": one.output_tokens,
            "giqplan": {
                "kind": one.kind,
                "default": one.is_default,
                "profiles": sum(bool(i and o and length_distance(shape, (i, o)) <= MATCH) for i, o in lengths),
                "note": one.note or None,
                "source": one.source,
            },
        }


def _measured(catalog: Catalog, args: argparse.Namespace) -> tuple[Any, ...]:
    """The curves of ``--model`` and ``--model-server``. Raises NoProfileError GIQ1236 for a model that was never measured."""
    from giqplan.catalog.inventory import entries
    from giqplan.cli.named import known_name, model_id, no_profiles

    model = model_id(catalog, args.model) if args.model else ""
    found = entries(catalog, model)
    if model and not found:
        raise no_profiles(catalog, model)
    server = getattr(args, "model_server", None)
    if server:
        known_name("model server", server, {e.server for e in found})
    return tuple(e for e in found if not server or e.server == server)


_STACK_FLAGS = ("model", "model_server")
_LISTS: Mapping[str, _List] = {
    "models": _List(
        "list the models that the catalog has profiles of",
        _models,
        (("MODEL", "model"), *_OUR_COLUMNS, ("PARAMETERS_B", "giqplan.parametersBillions"), ("MAX_CONTEXT", "giqplan.maxContextLength")),
    ),
    "model-servers": _List(
        "list the servers that a model was measured on", _servers, (("MODEL_SERVER", "modelServer"), *_OUR_COLUMNS), required=("model",)
    ),
    "model-server-versions": _List(
        "list the versions of a server that a model was measured on, the newest first",
        _versions,
        (("MODEL_SERVER_VERSION", "modelServerVersion"), *_OUR_COLUMNS),
        required=("model", "model_server"),
    ),
    "use-cases": _List(
        "list the workloads that have a name, with their lengths in tokens",
        _use_cases,
        (
            ("USE_CASE", "useCase"),
            ("AVERAGE_INPUT_LENGTH", "averageInputLength"),
            ("AVERAGE_OUTPUT_LENGTH", "averageOutputLength"),
            ("KIND", "giqplan.kind"),
            ("PROFILES", "giqplan.profiles"),
        ),
    ),
    "serving-stacks": _List(
        "list the serving stacks that profiles were measured with",
        _stacks,
        (("NAME", "name"), ("VERSION", "version"), *_OUR_COLUMNS),
        optional=_STACK_FLAGS,
    ),
    "serving-stack-versions": _List(
        "list the versions of a serving stack that profiles were measured with",
        _stack_versions,
        (("VERSION", "version"), *_OUR_COLUMNS),
        required=("serving_stack",),
        optional=_STACK_FLAGS,
    ),
}
_ALIASES = {"use-case": "use-cases"}
_HELP = {
    "model": "a Hugging Face id, or another name of it that the catalog knows",
    "model_server": "vllm, sglang ... (giqplan model-servers list)",
    "serving_stack": "llm-d ... (giqplan serving-stacks list)",
}


def _list_of(command: str) -> tuple[str, _List]:
    name = _ALIASES.get(command, command)
    return name, _LISTS[name]


def configure(parser: argparse.ArgumentParser) -> None:
    """``list``, with the flags that gcloud's command of this name has."""
    name, found = _list_of(parser.prog.rpartition(" ")[2])
    one = listing.only_list(parser, found.help)
    for flag in (*found.required, *found.optional):
        one.add_argument(f"--{flag.replace('_', '-')}", required=flag in found.required, metavar=flag.upper(), help=_HELP[flag])
    if name == "models":
        one.add_argument("--all", action="store_true", help="also models that the catalog knows but has no profile of")
    listing.flags(one)


def run(args: argparse.Namespace) -> Exit:
    """Print the list. Raises CatalogError for a name that the catalog does not know."""
    name, found = _list_of(args.command)
    listing.check_flags(args)
    catalog = listing.catalog_of(args)
    listing.print_list(args, list(found.records(catalog, args)), _layout(name, found), (f"catalog of {catalog.date}",))
    return Exit.DONE


def _layout(name: str, found: _List) -> Layout:
    from giqplan.render.lists import Column, Layout

    columns = tuple(Column(title, key) for title, key in found.columns)
    named = tuple(Column(key.rpartition(".")[2], key, missing="") for _, key in found.columns)
    uri = "version" if name == "serving-stack-versions" else found.columns[0][1]
    return Layout(name, uri, columns, named)
