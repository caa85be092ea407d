"""catalog prices import: own prices out of CSV, Google's out of SKUs; a file with anything wrong changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Ran, Run

from giqplan.catalog import open_catalog
from giqplan.model.recommendation import PricingModel

HEADER = "machine_type,region,pricing_model,usd_per_hour,as_of,note\n"
ROW = "a3-highgpu-8g,us-central1,on-demand,60.5,2026-11-01,agreement 4711\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def take(home: Path, run: Run, content: str | bytes, *words: str, name: str = "prices.csv") -> Ran:
    (home / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return run("catalog", "prices", "import", name, *words)


def layer(home: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((home / "giqplan-catalog").glob("*"))}


# -- CSV


def test_own_prices_stand_in_the_users_layer_with_note_and_source(home: Path, run: Run) -> None:
    ran = take(home, run, HEADER + ROW + "g2-standard-12,us-east4,spot,0.31,2026-11,\n")
    assert ran.code == 0 and ran.out.endswith("Written to giqplan-catalog.\n")
    assert (
        "  + a3-highgpu-8g us-central1 on-demand: usd_per_hour 60.5, quality single-source, as_of 2026-11-01, note agreement 4711"
        in ran.out
    )
    found = open_catalog(home)
    price = found.price("a3-highgpu-8g", "us-central1", PricingModel.ON_DEMAND)
    assert price is not None and (price.usd_per_hour, price.source) == (Decimal("60.5"), "own prices, prices.csv: agreement 4711")
    assert found.layers[1].date == "2026-11-01"
    assert list(layer(home)) == ["catalog.json", "prices.csv", "sources.csv"]


def test_the_same_file_again_changes_nothing(home: Path, run: Run) -> None:
    take(home, run, HEADER + ROW)
    before = layer(home)
    assert "The layer holds them already." in take(home, run, HEADER + ROW).out
    assert layer(home) == before


def test_a_spreadsheets_file_and_no_note_will_do(home: Path, run: Run) -> None:
    text = (
        "\ufeffregion,machine_type,pricing_model,as_of,usd_per_hour,currency\r\nus-central1,a3-highgpu-8g,1-year-cud,2026-11-01,50,USD\r\n"
    )
    assert take(home, run, text).code == 0


def test_a_dry_run_shows_the_difference_and_writes_nothing(home: Path, run: Run) -> None:
    take(home, run, HEADER + ROW)
    before = layer(home)
    ran = take(home, run, HEADER + ROW.replace("60.5", "59"), "--dry-run")
    assert "  ~ a3-highgpu-8g us-central1 on-demand: usd_per_hour 60.5 -> 59\n" in ran.out and ran.out.endswith("Nothing was written.\n")
    assert layer(home) == before
    told = json.loads(take(home, run, HEADER + ROW.replace("60.5", "59"), "--dry-run", "--format", "json").out)
    assert (told["dry_run"], told["changes"][0]["after"]) == (True, {"usd_per_hour": "59"})


def test_a_price_that_no_plan_uses_is_said(home: Path, run: Run) -> None:
    ran = take(home, run, HEADER + "a4-highgpu-8g,us-central1,on-demand,90,2026-11-01,\n")
    assert "Warning: a4-highgpu-8g is not sold on-demand: no plan uses this price" in ran.out


@pytest.mark.parametrize(
    ("content", "code", "place", "told"),
    [
        (
            HEADER + ROW.replace("a3-highgpu-8g", "a3-highgpu-9g"),
            "GIQ1208",
            2,
            "machine_type: 'a3-highgpu-9g' is not in the catalog; did you mean",
        ),
        (
            HEADER + ROW.replace("us-central1", "mars-north1"),
            "GIQ1208",
            2,
            "region: a3-highgpu-8g is not known to be offered in 'mars-north1'",
        ),
        (HEADER + ROW.replace("us-central1", "us-central1-a"), "GIQ1208", 2, "region: us-central1-a is a zone"),
        (HEADER + ROW.replace("on-demand", "barter"), "GIQ1208", 2, "pricing_model: 'barter' is not one of"),
        (HEADER + ROW.replace("60.5", "-60.5"), "GIQ1208", 2, "usd_per_hour: '-60.5' is not a price"),
        (HEADER + ROW.replace("60.5", "NaN"), "GIQ1208", 2, "usd_per_hour: 'NaN' is not a price"),
        (HEADER + ROW.replace("60.5", "Infinity"), "GIQ1208", 2, "usd_per_hour: 'Infinity' is not a price"),
        (HEADER + ROW.replace("60.5", ""), "GIQ1208", 2, "usd_per_hour: '' is not a price"),
        (HEADER + ROW.replace("60.5", "$60.5"), "GIQ1208", 2, "usd_per_hour: '$60.5' is not a price"),
        (HEADER + ROW.replace("2026-11-01", "1.11.26"), "GIQ1208", 2, "as_of: '1.11.26' is not YYYY-MM-DD"),
        (
            HEADER + ROW + ROW.replace("60.5", "61"),
            "GIQ1208",
            3,
            "the price of a3-highgpu-8g us-central1 on-demand stands in prices.csv:2 already",
        ),
        (HEADER + "a3-highgpu-8g,us-central1\n", "GIQ1208", 2, "2 cells where the header has 6"),
        (b"\xff\xfe", "GIQ1208", 0, "not UTF-8 at byte 0"),
        (HEADER.replace("note", "currency") + ROW.replace("agreement 4711", "EUR"), "GIQ1209", 2, "currency: the currency is EUR"),
        (HEADER.replace("usd_per", "eur_per") + ROW, "GIQ1209", 1, "column eur_per_hour: the currency is EUR"),
        (HEADER.replace("as_of", "date") + ROW, "GIQ1210", 1, "column as_of is missing; unknown column date"),
        (HEADER, "GIQ1210", 0, "holds no price"),
        ("", "GIQ1208", 1, "empty"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(home: Path, run: Run, content: str | bytes, code: str, place: int, told: str) -> None:
    take(home, run, HEADER + ROW.replace("on-demand", "spot"))
    before = layer(home)
    ran = take(home, run, content, "--format", "json")
    (error,) = json.loads(ran.err)["errors"]
    assert (ran.code, error["code"], error["place"]["line"]) == (1, code, place), error
    assert told in error["detail"] and error["place"]["file"] == "prices.csv"
    assert layer(home) == before


def test_every_wrong_row_is_told_at_once(home: Path, run: Run) -> None:
    ran = take(home, run, HEADER + ROW.replace("60.5", "-1") + ROW.replace("us-central1", "mars"), "--format", "json")
    assert [error["place"]["line"] for error in json.loads(ran.err)["errors"]] == [2, 3]


def test_a_file_that_is_not_there_is_said(home: Path, run: Run) -> None:
    ran = run("catalog", "prices", "import", "nothing.csv")
    assert ran.code == 1 and "nothing.csv cannot be read" in ran.err


# -- Cloud Billing


def sku(description: str, usd: str, unit: str = "h", regions: tuple[str, ...] = ("us-central1",), **price: Any) -> dict[str, Any]:
    """In the shape of cloudbilling v1's Sku; amounts as units and nanos."""
    amount = Decimal(usd)
    money = {"currencyCode": "USD", "units": str(int(amount)), "nanos": int((amount - int(amount)) * 10**9), **price}
    return {
        "name": "services/6F81-5844-456A/skus/0000-0000-0000",
        "skuId": f"ID-{description[:12]}",
        "description": description,
        "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute", "resourceGroup": "GPU", "usageType": "OnDemand"},
        "serviceRegions": list(regions),
        "pricingInfo": [
            {
                "summary": "",
                "pricingExpression": {"usageUnit": unit, "tieredRates": [{"startUsageAmount": 0, "unitPrice": money}]},
                "effectiveTime": "2026-11-20T07:00:00.000Z",
            }
        ],
        "serviceProviderName": "Google",
    }


A3 = [
    sku("A3 Instance Core running in Americas", "0.03"),
    sku("A3 Instance Ram running in Americas", "0.0025", "GiBy.h"),
    sku("Nvidia H100 80GB GPU running in Americas", "9.75"),
    sku("SSD backed Local Storage", "0.073", "GiBy.mo"),
]
NOISE = [
    sku("Spot Preemptible A3 Instance Core running in Americas", "0.01"),
    sku("Reserved Nvidia H100 80GB GPU in Americas in Calendar Mode", "4"),
    sku("Nvidia H100 80GB GPU attached to DWS Defined Duration VMs running in Americas", "4"),
    sku("Nvidia H100 80GB Plus GPU running in Americas", "10"),
    sku("A3 Instance Core running in Sydney", "0.05", regions=("australia-southeast1",)),
    sku("Network Egress", "0.1", "GiBy", currencyCode="JPY"),
]


def pages(home: Path, run: Run, *lists: list[dict[str, Any]], words: tuple[str, ...] = ("--format", "json")) -> Ran:
    names = []
    for number, skus in enumerate(lists):
        names.append(f"page{number}.json")
        (home / names[-1]).write_text(json.dumps({"skus": skus, "nextPageToken": ""}))
    return run("catalog", "prices", "import", *names, *words)


def imported(ran: Ran) -> dict[tuple[str, ...], str]:
    assert ran.code == 0, ran.err
    return {tuple(c["key"]): c["after"]["usd_per_hour"] for c in json.loads(ran.out)["changes"] if c["table"] == "prices"}


def test_a_machines_price_is_the_sum_of_its_parts(home: Path, run: Run) -> None:
    ran = pages(home, run, A3[:2] + NOISE, A3[2:])
    found = imported(ran)
    # 208 vCPU x 0.03 + 1872 GiB x 0.0025 + 8 x 9.75 + 6000 GiB x 0.073 / 730
    assert found["a3-highgpu-8g", "us-central1", "on-demand"] == "89.520000"
    assert set(found) == {(f"a3-highgpu-{n}g", "us-central1", "on-demand") for n in (1, 2, 4, 8)}
    (price,) = (c["after"] for c in json.loads(ran.out)["changes"] if c["key"][0] == "a3-highgpu-8g")
    assert price["as_of"] == "2026-11-20" and price["note"].startswith("SKUs ID-Nvidia H100") and price["note"].count("+") == 3
    kept = open_catalog(home).price("a3-highgpu-8g", "us-central1", PricingModel.ON_DEMAND)
    assert kept is not None and kept.source == "Cloud Billing SKUs (cloudbilling v1 services.skus.list), page0.json, page1.json"


def test_a_machine_whose_parts_are_not_all_there_is_refused_by_name(home: Path, run: Run) -> None:
    told = json.loads(pages(home, run, A3 + NOISE).out)["refused"]
    assert "a3-highgpu-8g spot: no SKU of accelerator, memory, local SSD in us-central1" in told
    assert any(
        line.startswith("a3-highgpu-8g on-demand: no SKU of accelerator, memory, local SSD in australia-southeast1") for line in told
    )
    assert any("ct6e-standard-1t" in line and line.endswith("how the SKUs are called is not known") for line in told)
    assert any("g4-standard-48" in line and line.endswith("whether local SSD comes with it is not known") for line in told)
    text = pages(home, run, A3 + NOISE, words=()).out
    assert "Refused a3-highgpu-8g spot: no SKU of" in text


def test_spot_and_commitments_have_skus_of_their_own(home: Path, run: Run) -> None:
    spot = [
        sku("Spot Preemptible G2 Instance Core running in Americas", "0.01"),
        sku("Spot Preemptible G2 Instance Ram running in Americas", "0.001", "GBy.h"),
        sku("Nvidia L4 GPU attached to Spot Preemptible VMs running in Americas", "0.2"),
        sku("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas", "5"),
    ]
    committed = [
        sku("Commitment v1: G2 Cpu in Americas for 3 Years", "0.01"),
        sku("Commitment v1: G2 Ram in Americas for 3 Years", "0.001", "GiBy.h"),
        sku("Commitment v1: Nvidia L4 GPU running in Americas for 3 Years", "0.2"),
    ]
    found = imported(pages(home, run, spot + committed))
    assert found["g2-standard-4", "us-central1", "spot"] == "0.257180"  # memory is billed per 10^9 bytes: 16 x 1.073742 x 0.001
    assert found["g2-standard-4", "us-central1", "3-years-cud"] == "0.256000"
    assert found["a4-highgpu-8g", "us-central1", "spot"] == "40.000000"
    assert not any(how == "1-year-cud" for _, _, how in found)


def test_skus_of_different_prices_for_one_part_are_not_chosen_from(home: Path, run: Run) -> None:
    ran = pages(home, run, [*A3, sku("A3 Instance Core running in Iowa", "0.031")])
    assert ran.code == 1 and "GIQ1211" in ran.err and "SKUs of different prices for vCPU" in ran.err


Edit = Callable[[dict[str, Any]], Any]


def _price(one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = one["pricingInfo"][0]["pricingExpression"]
    return found


@pytest.mark.parametrize(
    ("edit", "code", "told"),
    [
        (lambda s: _price(s)["tieredRates"][0]["unitPrice"].update(currencyCode="EUR"), "GIQ1209", "the currency is EUR"),
        (lambda s: _price(s)["tieredRates"][0]["unitPrice"].update(nanos=-1, units="0"), "GIQ1208", "is not a price"),
        (lambda s: _price(s)["tieredRates"][0]["unitPrice"].update(units="NaN"), "GIQ1208", "is not a price"),
        (lambda s: _price(s)["tieredRates"][0]["unitPrice"].update(units="many"), "GIQ1208", "pricingInfo"),
        (lambda s: _price(s)["tieredRates"].append({}), "GIQ1208", "one tier"),
        (lambda s: _price(s).update(usageUnit="mo"), "GIQ1208", "usageUnit: 'mo' is not understood for vCPU"),
        (lambda s: s.update(pricingInfo=[]), "GIQ1208", "pricingInfo"),
        (lambda s: s["pricingInfo"][0].pop("effectiveTime"), "GIQ1208", "effectiveTime"),
        (lambda s: s.pop("serviceRegions"), "GIQ1208", "skus[0]: no description or serviceRegions"),
    ],
)
def test_a_wrong_sku_is_named_and_nothing_is_imported(home: Path, run: Run, edit: Edit, code: str, told: str) -> None:
    skus = copy.deepcopy(A3)
    edit(skus[0])
    ran = pages(home, run, skus)
    (error,) = json.loads(ran.err)["errors"]
    assert (ran.code, error["code"]) == (1, code), error
    assert told in error["detail"] and "skus[0]" in error["detail"]
    assert not (home / "giqplan-catalog").exists()


@pytest.mark.parametrize(
    ("content", "told"), [("{", "not JSON"), ("{}", "no list of skus"), ('"text"', "no list of skus"), (b'{"a": "\xff"}', "not UTF-8")]
)
def test_what_is_no_answer_of_cloud_billing_is_refused(home: Path, run: Run, content: str | bytes, told: str) -> None:
    ran = take(home, run, content, name="skus.json")
    assert ran.code == 1 and "GIQ1210" in ran.err and told in ran.err


def test_csv_and_json_are_not_mixed(home: Path, run: Run) -> None:
    (home / "prices.csv").write_text(HEADER + ROW)
    (home / "skus.json").write_text(json.dumps({"skus": A3}))
    ran = run("catalog", "prices", "import", "prices.csv", "skus.json")
    assert ran.code == 1 and "GIQ1210" in ran.err
