"""A plan that rests on a config.json: its facts count, and a plan knows when they change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_house import GPT_OSS_120B, House, quickstart

from giqplan.catalog import open_catalog
from giqplan.engine.choice import catalog_of, choose
from giqplan.engine.inputs import choice_digest
from giqplan.errors import GiqplanError
from giqplan.intent import LoadedIntent, load_intent


def loaded(folder: Path, config: dict[str, Any] | None, **model: Any) -> LoadedIntent:
    intent, _ = quickstart()
    intent["spec"]["model"] |= model
    if config is not None:
        intent["spec"]["model"]["configFile"] = "config.json"
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "inference.yaml").write_text(yaml.safe_dump(intent), encoding="utf-8")
    return load_intent(folder / "inference.yaml")


def test_the_file_wins_over_the_catalog(tmp_path: Path) -> None:
    catalog = open_catalog()
    plain, larger = (choose(loaded(tmp_path, config), catalog) for config in (None, {**GPT_OSS_120B, "intermediate_size": 5760}))
    assert plain.weights_gib is not None and larger.weights_gib is not None
    assert larger.profile == plain.profile
    assert larger.weights_gib == pytest.approx(2 * plain.weights_gib, rel=0.05)


def test_a_model_that_the_catalog_lacks_has_the_facts_of_the_file(tmp_path: Path) -> None:
    catalog = open_catalog()
    seen = catalog_of(loaded(tmp_path, GPT_OSS_120B, id="me/mine"), catalog)
    model = seen.model("me/mine")
    assert model is not None
    assert (model.params_b, model.checkpoint_dtype, model.gated) == (116.789, "mxfp4", None)
    assert catalog.model("me/mine") is None


def test_a_file_of_another_model_is_refused_where_the_intent_names_it(tmp_path: Path) -> None:
    with pytest.raises(GiqplanError) as caught:
        choose(loaded(tmp_path, {**GPT_OSS_120B, "num_hidden_layers": 24}), open_catalog())
    assert caught.value.code == "GIQ1307"
    assert "layers 24, the catalog has 36" in caught.value.detail
    assert caught.value.place is not None and caught.value.place.line > 1


def test_an_applied_choice_stays_while_the_file_says_the_same(tmp_path: Path) -> None:
    one = loaded(tmp_path, GPT_OSS_120B)
    same, other, none = (
        loaded(tmp_path, config) for config in ({**GPT_OSS_120B, "note": 1}, {**GPT_OSS_120B, "intermediate_size": 5760}, None)
    )
    assert choice_digest(one) == choice_digest(same) == choice_digest(replace(one, environment="other"))
    assert len({choice_digest(one), choice_digest(other), choice_digest(none)}) == 3


def test_a_saved_plan_is_stale_once_the_file_says_something_else(applied: House) -> None:
    config = applied.folder / "config.json"
    config.write_text(json.dumps(GPT_OSS_120B), encoding="utf-8")
    applied.set("model.configFile", "config.json")
    plan = applied.folder / "plan.json"
    assert applied.cli("plan", "-o", str(plan))[0] == 0
    config.write_text(json.dumps({**GPT_OSS_120B, "intermediate_size": 5760}), encoding="utf-8")
    code, _, err = applied.run("apply", str(plan), "--sandbox")
    assert code == 3
    assert "intent quickstart was changed" in err
    config.write_text(json.dumps({**GPT_OSS_120B, "note": "the same model"}), encoding="utf-8")
    assert applied.run("apply", str(plan), "--sandbox")[0] == 0
