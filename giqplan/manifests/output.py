"""Objects as YAML for people and kubectl, with the header that says what they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from giqplan.manifests.servers import server_of
from giqplan.model.values import JsonObject

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Recommendation


def header(intent: Intent, recommendation: Recommendation) -> tuple[str, ...]:
    """Comment lines in the form of GIQ's version section. giqplan validated nothing on a cluster, and says so.

    The only date is the catalog's: the same inputs give the same bytes on any day (design rule 11).
    """
    profile, evidence = recommendation.profile, recommendation.evidence
    version = server_of(profile.model_server).version_of(intent, profile)
    return (
        f"# Generated on {recommendation.catalog_date} (date of the catalog) using:",
        "# GKE cluster unknown (not validated on a cluster)",
        "# unknown GPU driver for node version unknown (not validated on a cluster)",
        f"# Model server {profile.model_server} {version}",
        f"# Model {recommendation.model_id}, {profile.accelerator_count} x {profile.accelerator}",
        f"# Profile {evidence.curve_key}: {evidence.provenance.value}, {evidence.source}",
    )


def to_yaml(objects: Iterable[JsonObject], header: Iterable[str] = ()) -> str:
    """A multi-document YAML stream: the header, then the objects in their order, keys in theirs."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """No anchors: equal parts are written out."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    documents = [yaml.dump(_plain(body), Dumper=Dumper, sort_keys=False, width=2**16, allow_unicode=True) for body in objects]
    return "".join(f"{line}\n" for line in header) + "---\n".join(documents)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
