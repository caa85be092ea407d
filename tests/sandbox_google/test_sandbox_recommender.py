"""The GKE Recommender API: what a catalog's curves look like through it, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.catalog import open_catalog

MODEL = "openai/gpt-oss-120b"
WORLD = """\
project: {id: test-project, number: 424242424242}
callers:
  owner: {member: "user:owner@example.com", roles: [roles/owner]}
  reader: {member: "user:reader@example.com", roles: [roles/browser]}
  consumer: {member: "user:consumer@example.com", roles: [roles/serviceusage.serviceUsageConsumer]}
apis: [gkerecommender.googleapis.com]
otherProjects:
  - {id: off-project, number: 555555555555}
clock: {speed: 0}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, sandbox_type: Any) -> Iterator[Any]:
    """One request: (status, body)."""
    folder = tmp_path_factory.mktemp("recommender")
    (folder / "world.yaml").write_text(WORLD, encoding="utf-8")
    sandbox = sandbox_type(folder / "run", folder / "world.yaml")
    sandbox.start()
    sessions: dict[str, Any] = {}

    def call(
        method: str, what: str, body: Any = None, *, caller: str = "owner", project: str = "test-project", **query: str
    ) -> tuple[int, Any]:
        session = sessions.setdefault(caller, sandbox.session(caller))
        headers = {"X-Goog-User-Project": project} if project else {}
        answer = session.request(method, sandbox.url(f"/v1/{what}"), json=body, params=query, headers=headers)
        return answer.status_code, answer.json()

    yield call
    sandbox.close()


def answered(result: tuple[int, Any]) -> Any:
    assert result[0] == 200, result[1]
    return result[1]


def benchmarks(api: Any, version: str = "", **fields: Any) -> list[Any]:
    info = {"model": MODEL, "modelServer": "vllm", **({"modelServerVersion": version} if version else {})}
    return list(answered(api("POST", "benchmarkingData:fetch", {"modelServerInfo": info, **fields})).get("profile", []))


# -- what there is


def test_models_servers_and_versions_are_those_that_have_profiles(api: Any) -> None:
    models = answered(api("GET", "models:fetch"))["models"]
    assert MODEL in models and set(models) < set(open_catalog().model_ids())
    assert answered(api("GET", "modelServers:fetch", model=MODEL))["modelServers"] == ["trtllm", "vllm"]
    versions = answered(api("GET", "modelServerVersions:fetch", model=MODEL, modelServer="vllm"))["modelServerVersions"]
    assert "0.18.0" in versions


def test_lists_have_pages(api: Any) -> None:
    whole = answered(api("GET", "models:fetch"))["models"]
    first = answered(api("GET", "models:fetch", pageSize="5"))
    rest = answered(api("GET", "models:fetch", pageSize="1000", pageToken=first["nextPageToken"]))
    assert [*first["models"], *rest["models"]] == whole and "nextPageToken" not in rest
    profiles = answered(api("POST", "profiles:fetch", {"model": MODEL, "pageSize": 2}))
    assert len(profiles["profile"]) == 2
    more = answered(api("POST", "profiles:fetch", {"model": MODEL, "pageSize": 2, "pageToken": profiles["nextPageToken"]}))
    assert more["profile"][0] not in profiles["profile"]


def test_use_cases_are_workloads_by_name(api: Any) -> None:
    specs = answered(api("POST", "useCases:fetch", {}))["workloadSpecs"]
    assert {"useCase": "Chatbot", "averageInputLength": 128, "averageOutputLength": 128} in specs
    assert all("distribution" not in spec["useCase"] for spec in specs)


def test_what_nothing_is_known_of_is_an_empty_list(api: Any) -> None:
    assert answered(api("GET", "servingStacks:fetch", model=MODEL)) == {}
    assert answered(api("GET", "servingStackVersions:fetch", servingStack="llm-d")) == {}
    assert answered(api("GET", "modelServers:fetch", model="no/model")) == {}


# -- curves


def test_benchmarking_data_is_the_whole_curve(api: Any) -> None:
    (one,) = [
        p
        for p in benchmarks(api, "0.18.0")
        if p["instanceType"] == "a3-highgpu-8g" and p["workloadSpec"]["averageInputLength"] == p["workloadSpec"]["averageOutputLength"]
    ]
    assert one["modelServerInfo"] == {"model": MODEL, "modelServer": "vllm", "modelServerVersion": "0.18.0"}
    assert one["acceleratorType"] == "nvidia-h100-80gb" and one["resourcesUsed"] == {"acceleratorCount": 8}
    stats = one["performanceStats"]
    rates = [s["queriesPerSecond"] for s in stats]
    assert len(stats) >= 5 and rates == sorted(rates)
    assert all(s["totalTokensPerSecond"] == pytest.approx(s["inputTokensPerSecond"] + s["outputTokensPerSecond"], abs=1) for s in stats)
    assert all(isinstance(s[f"{name}Milliseconds"], int) for s in stats for name in ("ntpot", "ttft", "itl"))
    assert one["modelInfo"]["parametersBillionsCount"] == pytest.approx(116.8, rel=0.01)


def test_a_cost_is_of_one_pricing_model_and_follows_googles_formula(api: Any) -> None:
    from giqplan.model.recommendation import PricingModel

    for how in ("on-demand", "spot"):
        one = next(p for p in benchmarks(api, "0.18.0", pricingModel=how) if p["instanceType"] == "a3-highgpu-8g")
        (cost,) = one["performanceStats"][0]["cost"]
        stats = one["performanceStats"][0]
        price = open_catalog().price("a3-highgpu-8g", "us-central1", PricingModel(how))
        assert price is not None and cost["pricingModel"] == how and cost["outputInputCostRatio"] == 4.0
        amount = cost["costPerMillionOutputTokens"]
        told = int(amount.get("units", "0")) + amount.get("nanos", 0) / 1e9
        expected = float(price.usd_per_hour) / 3600 / (stats["inputTokensPerSecond"] / 4 + stats["outputTokensPerSecond"]) * 1e6
        assert told == pytest.approx(expected, rel=0.01)
    assert all("cost" not in stats for p in benchmarks(api) if p["instanceType"] == "a4x-highgpu-4g" for stats in p["performanceStats"])


def test_no_version_is_the_latest_and_filters_narrow(api: Any) -> None:
    versions = {p["modelServerInfo"]["modelServerVersion"] for p in benchmarks(api)}
    assert len(versions) == 1
    machine = benchmarks(api, "0.18.0")[0]["instanceType"]
    assert {p["instanceType"] for p in benchmarks(api, "0.18.0", instanceType=machine)} == {machine}
    assert benchmarks(api, "0.18.0", servingStack={"name": "llm-d"}) == []


# -- profiles


def test_a_profile_shows_one_operating_point(api: Any) -> None:
    found = answered(api("POST", "profiles:fetch", {"model": MODEL, "modelServerVersion": "all"}))
    assert {len(p["performanceStats"]) for p in found["profile"]} == {1}
    assert "comments" not in found


def test_requirements_move_the_point_and_what_nothing_meets_says_so_with_the_range(api: Any) -> None:
    def fetch(ntpot_ms: int) -> Any:
        return answered(api("POST", "profiles:fetch", {"model": MODEL, "performanceRequirements": {"targetNtpotMilliseconds": ntpot_ms}}))

    found = fetch(20)
    assert found["profile"] and all(p["performanceStats"][0]["ntpotMilliseconds"] <= 20 for p in found["profile"])
    none = fetch(1)
    assert "profile" not in none and "No profile meets" in none["comments"]
    assert none["performanceRange"]["ntpotRange"]["min"] > 1
    nowhere = answered(api("POST", "profiles:fetch", {"model": "no/model"}))
    assert "is known" in nowhere["comments"] and "performanceRange" not in nowhere


def test_a_cost_target_is_held_against_the_price_of_the_pricing_model(api: Any) -> None:
    def found(units: int, nanos: int) -> int:
        limit = {"costPerMillionOutputTokens": {"units": units, "nanos": nanos}, "pricingModel": "on-demand"}
        return len(
            answered(api("POST", "profiles:fetch", {"model": MODEL, "performanceRequirements": {"targetCost": limit}})).get("profile", [])
        )

    assert found(0, 1000) == 0 < found(1000, 0)


def test_lengths_match_within_a_fifth_and_only_together(api: Any) -> None:
    def lengths(inputs: int, outputs: int) -> Any:
        spec = {"averageInputLength": inputs, "averageOutputLength": outputs}
        return api("POST", "profiles:fetch", {"model": MODEL, "modelServerVersion": "all", "workloadSpec": spec})

    assert {p["workloadSpec"]["averageInputLength"] for p in answered(lengths(1100, 1100))["profile"]} == {1024}
    assert "profile" not in answered(lengths(1300, 1300))
    assert lengths(1100, 0)[0] == 400


# -- who may ask, and what is wrong


def test_the_quota_project_is_needed_and_the_api_has_to_be_on(api: Any) -> None:
    status, body = api("GET", "models:fetch", project="")
    assert status == 403 and "requires a quota project" in body["error"]["message"]
    status, body = api("GET", "models:fetch", project="off-project")
    assert status == 403 and body["error"]["details"][1]["reason"] == "SERVICE_DISABLED"
    assert api("GET", "models:fetch", caller="consumer")[0] == 200
    status, body = api("GET", "models:fetch", caller="reader")
    assert status == 403 and "serviceusage.services.use" in body["error"]["message"]


@pytest.mark.parametrize(
    ("method", "what", "body", "status"),
    [
        ("GET", "modelServers:fetch", None, 400),
        ("POST", "benchmarkingData:fetch", {}, 400),
        ("POST", "benchmarkingData:fetch", {"modelServerInfo": {"model": MODEL}}, 400),
        ("POST", "benchmarkingData:fetch", {"modelServerInfo": {"model": MODEL, "modelServer": "vllm"}, "pricingModel": "free"}, 400),
        ("POST", "benchmarkingData:fetch", {"modelServerInfo": {"model": MODEL, "modelServer": "vllm"}, "useCase": "poetry"}, 400),
        ("POST", "profiles:fetch", {"models": MODEL}, 400),
        ("POST", "profiles:fetch", {"performanceRequirements": {"targetTtftMilliseconds": "soon"}}, 400),
        ("GET", "profiles:fetch", None, 405),
        ("POST", "optimizedManifest:generate", {}, 501),
    ],
)
def test_a_wrong_question_is_refused(api: Any, method: str, what: str, body: Any, status: int) -> None:
    assert api(method, what, body)[0] == status
    assert api("GET", "models:fetch", pageToken="bad")[0] == 400


def test_the_world_may_name_another_catalog(tmp_path: Path) -> None:
    from giqplan.errors import SandboxError
    from giqplan.sandbox.world import load_world

    world = tmp_path / "world.yaml"
    world.write_text("project: {id: test-project}\ncatalog: own\n", encoding="utf-8")
    with pytest.raises(SandboxError, match="no catalog"):
        load_world(world)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "catalog.json").write_text("{}", encoding="utf-8")
    assert load_world(world).catalog == str((tmp_path / "own").resolve())
