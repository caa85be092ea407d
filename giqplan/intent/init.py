"""A starter inference.yaml: short, commented, valid."""

from __future__ import annotations

from giqplan.units import canonical_json

_TEMPLATE = """\
# What to serve, how fast, and where. `giqplan validate` checks this file, `giqplan explain` says what it leads to,
# `giqplan plan --sandbox` tries it without a cloud account. All fields: `giqplan schema`.
apiVersion: giqplan.dev/v1alpha1
kind: Inference
metadata:
  name: {name}                  # the name of every object that is made
spec:
  model:
    id: {model}                 # owner/name on Hugging Face
  workload:
    inputTokens: {input_tokens}           # mean lengths; or useCase: Chatbot, Text Summarization ...
    outputTokens: {output_tokens}
    # requestsPerSecond: {{mean: 4, peak: 12}}    # with traffic the cheapest fleet is chosen, without it the cheapest token
  slo:                          # each target is optional; without any the throughput decides
    # ntpotMilliseconds: 50     # latency of a request / its output tokens
    # ttftMilliseconds: 1000    # time to first token
    # itlMilliseconds: 40       # time between output tokens
  cost:
    pricingModel: on-demand     # or spot, 1-year-cud, 3-years-cud
    # maxUsdPerHour: 100        # what maxReplicas may cost
  accelerator:
    types: [any]                # or accelerator labels of GKE, such as nvidia-h100-80gb
  storage:
    huggingFace:                # or bucket: {{uri: gs://...}}
      tokenSecret: {{name: hf-secret, key: hf_api_token}}     # filled by `giqplan secret set`; gated models need it
  autoscaling:
    minReplicas: 1
    maxReplicas: 4
  target:
    project: {project}
    location: {location}
    namespace: {namespace}
    cluster:
      name: inference
      create: true              # false: the cluster has to be there
environments: {{}}                # overlays of spec by name, such as prod: {{autoscaling: {{minReplicas: 2}}}}
"""


def starter(
    *,
    name: str = "my-model",
    model: str = "openai/gpt-oss-120b",
    input_tokens: str = "1024",
    output_tokens: str = "1024",
    project: str = "my-project",
    location: str = "us-central1",
    namespace: str = "inference",
) -> str:
    """The text of a new intent. Values are written as YAML text whatever they hold; that they are right is ``load_intent``'s business."""
    values = {"name": name, "model": model, "project": project, "location": location, "namespace": namespace}
    lengths = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    numbers = {key: value if value.isdecimal() else _scalar(value) for key, value in lengths.items()}
    return _TEMPLATE.format(**{key: _scalar(value) for key, value in values.items()}, **numbers)


def _scalar(text: str) -> str:
    """``text`` as YAML: plain where YAML reads it as text anyway, else as a JSON string (which YAML reads as one)."""
    import re

    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-./_ ][A-Za-z0-9]+)+|[A-Za-z]{4,}", text)
    words = {"true", "false", "null", "yes", "no", "on", "off"}
    return text if plain and text.lower() not in words else canonical_json(text)
