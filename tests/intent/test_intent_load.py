"""Shape and meaning: defaults, every fault at once and at its line, overlays, digests."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from intent_samples import SMALL, Faults, Load

from giqplan.errors import GiqplanError, Place
from giqplan.intent import load_all, load_intent

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart" / "inference.yaml"


def test_defaults(load: Load) -> None:
    spec = load(SMALL).intent.spec
    assert (spec.cost.pricing_model.value, spec.cost.output_input_cost_ratio) == ("on-demand", Decimal(4))
    assert (spec.serving.server.value, spec.serving.version, spec.slo.percentile.value) == ("any", "latest", "p50")
    assert (spec.autoscaling.min_replicas, spec.autoscaling.max_replicas, spec.autoscaling.headroom) == (1, 8, "auto")
    assert (spec.target.location, spec.target.namespace, spec.target.cluster.create) == ("us-central1", "default", False)
    assert spec.storage.hugging_face is not None
    assert spec.storage.hugging_face.token_secret.name == "hf-secret"
    assert spec.storage.bucket is None


def test_an_empty_key_means_its_default(load: Load) -> None:
    assert load(SMALL + "  slo:\n  autoscaling: {headroom: null}\n").digest == load(SMALL).digest


def test_comments_order_and_written_out_defaults_do_not_change_the_digest(load: Load) -> None:
    base = load(SMALL + "  slo: {ttftMilliseconds: 800, itlMilliseconds: 60}\n  cost: {maxUsdPerHour: 40}\n")
    same = load(
        SMALL.replace("kind: Inference\n", "").replace("apiVersion", "# a comment\nkind: Inference\napiVersion")
        + "  cost: {maxUsdPerHour: 40.0, pricingModel: on-demand}\n  slo: {itlMilliseconds: 60.0, ttftMilliseconds: 800}\n"
        + "  evidence: {allow: [user, modelled, giq, measured]}\nenvironments: {prod: {autoscaling: {maxReplicas: 2}}}\n"
    )
    assert base.digest == same.digest
    assert base.digest != load(SMALL + "  slo: {ttftMilliseconds: 801, itlMilliseconds: 60}\n  cost: {maxUsdPerHour: 40}\n").digest


@pytest.mark.parametrize(
    ("more", "code", "place", "words"),
    [
        ("  slos: {}\n", "GIQ1016", "7:3", "unknown key spec.slos"),
        ("  autoscaling: {minReplicas: 9}\n", "GIQ1018", "7:17", "minReplicas 9 is above maxReplicas 8"),
        ("  autoscaling: {maxReplicas: 0}\n", "GIQ1018", "7:17", "0 is not at least 1"),
        ("  autoscaling: {headroom: 0.95}\n", "GIQ1018", "7:17", "0.95 is not auto or at most 0.9"),
        ("  workload: {inputTokens: 5}\n", "GIQ1018", "7:14", "only work together"),
        ("  workload: {useCase: Chatbot, inputTokens: 5, outputTokens: 5}\n", "GIQ1018", "7:14", "either useCase"),
        ("  workload: {requestsPerSecond: {mean: 4, peak: 2}}\n", "GIQ1018", "7:43", "below the mean"),
        ("  storage: {huggingFace: {}, bucket: {uri: 'gs://abc/def'}}\n", "GIQ1018", "7:13", "either huggingFace or bucket"),
        ("  storage: {bucket: {uri: 's3://abc/def'}}\n", "GIQ1018", "7:22", "not of the right form"),
        ("  accelerator: {count: 0}\n", "GIQ1018", "7:17", "0 is not at least 1"),
        ("  accelerator: {count: 1.5}\n", "GIQ1018", "7:17", "not a whole number"),
        ("  accelerator: {prefer: costs}\n", "GIQ1018", "7:17", "not one of the known values"),
        ("  serving: {version: 0.10}\n", "GIQ1018", "7:13", "0.10 is not text"),
        ("  serving: {env: {PORT: 80}}\n", "GIQ1018", "7:19", "80 is not text"),
        ("  serving: {env: {PORT: }}\n", "GIQ1018", "7:19", "nothing is not text"),
        ("  serving: {args: --x}\n", "GIQ1018", "7:13", "not a list"),
        ("  serving: {args: [a, {b: c}]}\n", "GIQ1018", "7:23", "not text"),
        ("  slo: {ttftMilliseconds: 1e3}\n", "GIQ1018", "7:9", "'1e3' is not a number"),
        ("  slo: [1]\n", "GIQ1018", "7:3", "not a mapping"),
        ("  observability: {logging: [WORKLOAD]}\n", "GIQ1018", "7:19", "SYSTEM"),
        ("  observability: {managedPrometheus: false}\n", "GIQ1018", "7:3", "needs managedPrometheus"),
    ],
)
def test_a_fault_has_its_place_and_says_what_is_wrong(faults: Faults, more: str, code: str, place: str, words: str) -> None:
    [(found, at, detail)] = faults(SMALL + more)
    assert (found, at) == (code, place)
    assert words in detail


def test_a_missing_key_is_named_where_it_belongs(faults: Faults) -> None:
    assert faults(SMALL.replace("{project: my-project}", "{location: us-east4}")) == [("GIQ1017", "6:3", "spec.target.project is missing")]
    assert [code for code, _, _ in faults("apiVersion: giqplan.dev/v1alpha1\nkind: Inference\n")] == ["GIQ1017", "GIQ1017"]


@pytest.mark.parametrize("name", ["Bot", "-a", "a-", "1a", "a.b", "a" * 64, "vllm", "''", "5"])
def test_names_that_some_object_could_not_have(faults: Faults, name: str) -> None:
    [(code, place, _)] = faults(SMALL.replace("name: bot", f"name: {name}"))
    assert (code, place) == ("GIQ1018", "3:12")


def test_zones_stand_in_the_region(faults: Faults, load: Load) -> None:
    with_zones = SMALL.replace("my-project}", "my-project, location: europe-west4, zones: [%s]}")
    assert load(with_zones % "europe-west4-c, europe-west4-a").intent.spec.target.zones == ("europe-west4-a", "europe-west4-c")
    assert "not in region europe-west4" in faults(with_zones % "us-central1-a")[0][2]


def test_all_faults_are_reported_at_once_in_order_of_their_lines(faults: Faults) -> None:
    text = (
        SMALL.replace("bot", "Bot")
        + "  slo: {ttftMilliseconds: yes, percentil: p50}\n  serving: {stack: llm-d}\n  cost: {maxUsdPerHour: -1}\n"
    )
    assert [(code, place) for code, place, _ in faults(text)] == [
        ("GIQ1018", "3:12"),
        ("GIQ1009", "7:27"),
        ("GIQ1016", "7:32"),
        ("GIQ1102", "8:13"),
        ("GIQ1018", "9:10"),
    ]


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        ("  slo: {ttft_milliseconds: 5}\n", "did you mean ttftMilliseconds?"),
        ("  useCase: Chatbot\n", "did you mean spec.workload.useCase?"),
        ("  slo: {zzz: 5}\n", "known here: itlMilliseconds, ntpotMilliseconds, percentile, ttftMilliseconds"),
        ("  accelerator: {prefer: coost}\n", "did you mean cost? one of: cost, latency, throughput"),
        ("  serving: {version: 0.10}\n", 'put it in quotes: "0.10"'),
        ("  slo: {ttftMilliseconds: 1e3}\n", "YAML reads it as text: write 1000 without quotes, in plain digits"),
    ],
)
def test_remedies(load: Load, more: str, remedy: str) -> None:
    with pytest.raises(GiqplanError) as caught:
        load(SMALL + more)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("v1alpha1", "v2", "GIQ1012", "1:1"),
        ("apiVersion: giqplan.dev/v1alpha1\n", "", "GIQ1012", "1:1"),
        ("kind: Inference", "kind: Pod", "GIQ1012", "2:1"),
        ("kind: Inference", "kind: Cluster", "GIQ1013", "2:1"),
    ],
)
def test_another_kind_of_file(faults: Faults, old: str, new: str, code: str, place: str) -> None:
    [(found, at, _)] = faults(SMALL.replace(old, new))
    assert (found, at) == (code, place)


OVERLAID = (
    SMALL
    + """\
  workload: {inputTokens: 5, outputTokens: 6}
  slo: {ttftMilliseconds: 800}
  accelerator: {types: [nvidia-l4, nvidia-b200]}
environments:
  prod:
    workload: {useCase: Chatbot}
    slo: {ttftMilliseconds: null}
    accelerator: {types: [nvidia-h100-80gb]}
    storage: {bucket: {uri: gs://models/gemma}}
  bad:
    autoscaling:
      maxReplicas: 0
"""
)


def test_an_overlay_merges_deletes_replaces_lists_and_switches_branches(load: Load) -> None:
    spec = load(OVERLAID, "prod").intent.spec
    assert (spec.workload.use_case, spec.workload.input_tokens) == ("Chatbot", None)
    assert spec.slo.ttft_milliseconds is None
    assert spec.accelerator.types == ("nvidia-h100-80gb",)
    assert spec.storage.bucket is not None
    assert spec.storage.hugging_face is None
    assert spec.model.id == "google/gemma-2-27b-it"


def test_faults_of_an_overlay_point_into_it_and_only_concern_it(faults: Faults, load: Load) -> None:
    assert load(OVERLAID).environment == "default"
    assert [(code, place) for code, place, _ in faults(OVERLAID, "bad")] == [("GIQ1018", "18:7")]


def test_places_of_fields(load: Load) -> None:
    loaded = load(OVERLAID, "prod")
    assert loaded.place("spec.slo.ttftMilliseconds") == Place("i.yaml", 13, 11)
    assert loaded.place("spec.model.id") == Place("i.yaml", 5, 11)
    assert loaded.place("spec.cost.pricingModel") == Place("i.yaml", 4, 1)


def test_environments_that_are_not_there_or_reserved(faults: Faults, load: Load) -> None:
    with pytest.raises(GiqplanError, match="GIQ1014") as caught:
        load(OVERLAID, "prd")
    assert caught.value.remedy == "did you mean prod? known: bad, prod"
    assert faults(SMALL + "environments: {sandbox: {}}\n") == [("GIQ1015", "7:16", "the environment name 'sandbox' is reserved")]
    assert load(SMALL + "environments: {prod: }\n", "prod").digest == load(SMALL).digest


def test_deleting_a_key_that_never_was_is_a_mistake(faults: Faults) -> None:
    [(code, place, detail)] = faults(SMALL + "environments: {prod: {slo: {ttft: null}}}\n")
    assert (code, place, detail) == ("GIQ1016", "7:29", "unknown key spec.slo.ttft")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(GiqplanError, match="GIQ1010"):
            load_intent(path)


def test_load_all_checks_the_base_and_every_environment(tmp_path: Path) -> None:
    assert [one.environment for one in load_all(QUICKSTART)] == ["default", "staging", "prod"]
    path = tmp_path / "inference.yaml"
    path.write_text(OVERLAID.replace("google/gemma-2-27b-it", "gemma"))
    with pytest.raises(GiqplanError) as caught:
        load_all(path)
    assert [str(error.place).removeprefix(f"{path}:") for error in caught.value.errors] == ["5:11", "18:7"]
