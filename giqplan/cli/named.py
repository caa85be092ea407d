"""Names of the command line looked up in the catalog: a name it does not know is an error that names what it knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from giqplan.errors import CatalogError, NoProfileError

if TYPE_CHECKING:
    from giqplan.catalog import Catalog


def model_id(catalog: Catalog, text: str) -> str:
    """The id that ``text`` names: an id or alias in any letter case. Raises CatalogError GIQ1235."""
    found = catalog.model(text)
    if found is not None:
        return found.model_id
    measured = {row.text("model_id") for row in catalog.rows("curves")}
    if text in measured:
        return text
    near = catalog.closest_models(text)
    hint = f"did you mean {' or '.join(near)}?" if near else "`giqplan models list --all` names the models it knows"
    raise CatalogError("GIQ1235", f"{text} is no model of the catalog", hint)


def known_name(what: str, text: str, known: Collection[str]) -> str:
    """``text`` where it is one of ``known``. Raises CatalogError GIQ1235 naming those."""
    if text in known:
        return text
    names = sorted(name for name in known if name)
    raise CatalogError("GIQ1235", f"{text} is no {what} of the catalog's profiles", f"known: {', '.join(names) or 'none'}")


def accelerator_label(catalog: Catalog, text: str) -> str:
    """``text`` where it is GKE's label of an accelerator. Raises CatalogError GIQ1205 naming those of a like name, or all."""
    if catalog.accelerator(text) is None:
        raise CatalogError("GIQ1205", f"{text} is no accelerator label of GKE that the catalog knows", catalog.accelerator_hint(text))
    return text


def no_profiles(catalog: Catalog, model: str) -> NoProfileError:
    """The error of a model that is known but was never measured: measured ones of a like name, then of a like size."""
    from difflib import get_close_matches
    from math import log

    measured = sorted({row.text("model_id") for row in catalog.rows("curves")})
    sizes = {name: found.params_b for name in measured if (found := catalog.model(name)) and found.params_b}
    near = get_close_matches(model, measured, 2)
    asked = catalog.model(model)
    if asked is not None and asked.params_b:
        wanted = log(asked.params_b)
        near += sorted(sizes, key=lambda name: abs(log(sizes[name]) - wanted))[:2]
    told = f"; of a like name or size: {', '.join(dict.fromkeys(near))}" if near else ""
    remedy = f"fetch what Google measured with `giqplan catalog sync`, or measure it; `giqplan models list` names the measured ones{told}"
    return NoProfileError("GIQ1236", f"the catalog holds no profile of {model}", remedy)
