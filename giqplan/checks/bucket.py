"""GIQ1509: the bucket holds config.json and whole weights at exactly the path that the intent names.

Names and sizes are all that is looked at. What the server can read: the streamer reads safetensors only (vLLM 0.33.0, runai_utils.py); from
a mounted bucket vLLM reads PyTorch files too when there are no safetensors (default_loader.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from giqplan.checks.base import Subject, answer
from giqplan.intent.model import Intent
from giqplan.model.calls import Outcome, Read
from giqplan.model.check import Check, CheckStatus
from giqplan.model.world import bucket_objects_read
from giqplan.units import GIB

CODE = "GIQ1509"
_STREAMED = re.compile(r".+\.safetensors")
_MOUNTED = re.compile(r".+\.(safetensors|bin|pt)")
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<last>\d{5})\.\w+")
#: The whole model once more, in Mistral's own layout: read only when asked for (vLLM --load-format=mistral).
_TWICE = re.compile(r"consolidated.*\.safetensors")
#: A missing shard of twenty shows; what the catalog knows of a size is nearer than that.
_FAR_SMALLER = 0.95


def folder_of(uri: str) -> tuple[str, str]:
    """(bucket, folder); the folder ends with a slash, "" = the whole bucket."""
    bucket, _, folder = uri.removeprefix("gs://").strip("/").partition("/")
    return bucket, f"{folder}/" if folder else ""


def reads(intent: Intent) -> tuple[Read, ...]:
    """What lies directly in the folder."""
    settings = intent.spec.storage.bucket
    return () if settings is None else (bucket_objects_read(*folder_of(settings.uri)),)


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing without a bucket."""
    settings = subject.intent.spec.storage.bucket
    if settings is None:
        return ()
    bucket, folder = folder_of(settings.uri)
    reading, place = subject.world.reading(bucket_objects_read(bucket, folder)), f"gs://{bucket}/{folder}"
    if reading.outcome is Outcome.ABSENT:
        remedy = "create the bucket and copy the model into it, or correct spec.storage.bucket.uri"
        return (answer(CODE, CheckStatus.FAIL, f"there is no bucket {bucket}", {}, remedy),)
    if not reading.ok:
        why = "offline" if subject.world.offline else reading.message or reading.outcome.value
        remedy = "" if subject.world.offline else f"grant the caller roles/storage.objectViewer on gs://{bucket}"
        return (answer(CODE, CheckStatus.UNKNOWN, f"what lies at {place} could not be looked at", {"why": why}, remedy),)
    sizes = {item["name"].removeprefix(folder): int(item["size"]) for item in reading.body.get("items") or ()}
    return (_judge(subject, place, sizes, reading.body.get("prefixes") or ()),)


def _judge(subject: Subject, place: str, sizes: Mapping[str, int], folders: Iterable[str]) -> Check:
    streamed = "--load-format=runai_streamer" in subject.server_pod["containers"][0]["args"]
    weights = _weights(sizes, streamed)
    copy = f"copy the model's files to {place} (gcloud storage cp -r), or correct spec.storage.bucket.uri"
    missing = (*(() if "config.json" in sizes else ("config.json",)), *(() if weights else ("weights (*.safetensors)",)))
    if missing:
        lacks: dict[str, object] = {"missing": ", ".join(missing), "there": _some(sizes)}
        if folders:
            lacks["folders there"] = _some(folders)
        if not weights and streamed and _weights(sizes, streamed=False):
            copy = "convert the weights to safetensors: the streamer reads nothing else"
        return answer(CODE, CheckStatus.FAIL, f"{place} lacks {' and '.join(missing)}", lacks, copy)
    gone = _missing_shards(weights)
    if gone:
        return answer(CODE, CheckStatus.FAIL, f"{len(gone)} of the weights' files are missing", {"missing": _some(gone)}, copy)
    empty = [name for name in ("config.json", *sorted(weights)) if sizes[name] == 0]
    if empty:
        return answer(CODE, CheckStatus.FAIL, f"{len(empty)} files are empty", {"empty": _some(empty)}, copy)
    held, known = sum(weights.values()) / GIB, subject.fetched_gib
    evidence: dict[str, object] = {"weights": f"{held:.1f} GiB in {len(weights)} file{'' if len(weights) == 1 else 's'}"}
    if known is not None:
        evidence["expected"] = f"{known:.1f} GiB"
    if known is not None and held < _FAR_SMALLER * known:
        summary = f"the weights at {place} are far smaller than the model's: an incomplete copy, or another checkpoint"
        return answer(CODE, CheckStatus.WARN, summary, evidence, f"{copy}; if they are as meant, set spec.model.weightsGiB")
    return answer(CODE, CheckStatus.PASS, f"{place} holds the whole model", evidence)


def _weights(sizes: Mapping[str, int], streamed: bool) -> Mapping[str, int]:
    """The files that the server would load, with their sizes in bytes."""
    found = {name: size for name, size in sizes.items() if _STREAMED.fullmatch(name)}
    if not found and not streamed:
        found = {name: size for name, size in sizes.items() if _MOUNTED.fullmatch(name)}
    once = {name: size for name, size in found.items() if not _TWICE.fullmatch(name)}
    return once or found


def _missing_shards(names: Iterable[str]) -> tuple[str, ...]:
    """Files that must be there by the names of those that are. Counts begin at 1, at 0, or (openai/gpt-oss) run from 0 to the last: of the
    first and the last one may not exist, those between do."""
    sets: dict[tuple[str, str, str], set[int]] = {}
    for name in names:
        found = _SHARD.fullmatch(name)
        if found:
            sets.setdefault((found["stem"], found["last"], name.rpartition(".")[2]), set()).add(int(found["number"]))
    gone = []
    for (stem, last, suffix), there in sorted(sets.items()):
        wanted = {*range(1, int(last))} | (set() if 0 in there else {int(last)})
        gone += [f"{stem}-{number:05}-of-{last}.{suffix}" for number in sorted(wanted - there)]
    return tuple(gone)


def _some(names: Iterable[str]) -> str:
    every = sorted(names)
    more = f" and {len(every) - 5} more" if len(every) > 5 else ""
    return ", ".join(every[:5]) + more if every else "nothing"
