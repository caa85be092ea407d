"""``model.configFile``: the facts of a model beside the intent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from giqplan.errors import GiqplanError
from giqplan.intent import LoadedIntent, load_all, load_intent

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 8192,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
INTENT = """
apiVersion: giqplan.dev/v1alpha1
kind: Inference
metadata: {name: mine}
spec:
  model: {id: me/mine, configFile: model/config.json}
  workload: {inputTokens: 1024, outputTokens: 1024}
  slo: {ntpotMilliseconds: 50}
  target: {project: my-project, location: us-central1}
environments:
  long: {workload: {inputTokens: 8000}}
"""


def written(folder: Path, config: object, intent: str = INTENT) -> Path:
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "inference.yaml").write_text(intent, encoding="utf-8")
    return folder / "inference.yaml"


def load(folder: Path, config: object, intent: str = INTENT) -> LoadedIntent:
    return load_intent(written(folder, config, intent))


def test_the_facts_come_with_the_intent(tmp_path: Path) -> None:
    loaded = load(tmp_path, LLAMA)
    assert loaded.config is not None
    assert loaded.config.file == "model/config.json"
    assert loaded.config.architecture.params == pytest.approx(8.03e9, rel=0.001)
    assert load(tmp_path, LLAMA, INTENT.replace(", configFile: model/config.json", "")).config is None


def test_the_digest_of_the_intent_knows_what_the_file_says(tmp_path: Path) -> None:
    first = load(tmp_path, LLAMA).digest
    assert load(tmp_path, {**LLAMA, "transformers_version": "5.0"}).digest == first
    assert load(tmp_path, {**LLAMA, "num_hidden_layers": 33}).digest != first


def test_a_text_model_inside_another_states_the_context(tmp_path: Path) -> None:
    nested = {"architectures": ["Mistral3ForConditionalGeneration"], "text_config": LLAMA}
    loaded = load(tmp_path, nested)
    assert loaded.config is not None
    assert loaded.config.architecture.max_context == 8192


@pytest.mark.parametrize(
    ("intent", "line"),
    [(INTENT.replace("inputTokens: 1024", "inputTokens: 8000"), 7), (INTENT.replace("{id: me", "{maxModelLen: 8193, id: me"), 6)],
)
def test_what_is_asked_for_fits_the_context(tmp_path: Path, intent: str, line: int) -> None:
    with pytest.raises(GiqplanError) as caught:
        load(tmp_path, LLAMA, intent)
    assert caught.value.code == "GIQ1019"
    assert "states a context of 8192" in caught.value.detail
    assert caught.value.place is not None and caught.value.place.line == line


def test_every_environment_is_checked(tmp_path: Path) -> None:
    with pytest.raises(GiqplanError) as caught:
        load_all(written(tmp_path, LLAMA))
    assert [error.code for error in caught.value.errors] == ["GIQ1019"]


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, " " * 2_000_000])
def test_a_file_that_is_no_config_json_is_told_where_the_intent_names_it(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, LLAMA)
    (tmp_path / "model" / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(GiqplanError) as caught:
        load_intent(file)
    assert caught.value.code == "GIQ1019"
    assert caught.value.place is not None and (caught.value.place.file, caught.value.place.line) == (str(file), 6)


def test_what_is_wrong_inside_is_told_with_the_file(tmp_path: Path) -> None:
    for fields, code in (({"architectures": ["BertModel"]}, "GIQ1303"), ({"vocab_size": 0}, "GIQ1304")):
        with pytest.raises(GiqplanError) as caught:
            load(tmp_path, {**LLAMA, **fields})
        assert caught.value.code == code
        assert str(caught.value.place) == str(tmp_path / "model" / "config.json")
