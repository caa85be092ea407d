"""The one-line summary of every error and check code. docs/errors.md is generated from this table; each code has a test.

A section a room: add a code to its own section, next free number, and never reuse one.
"""

from __future__ import annotations

_USAGE = {
    "GIQ0101": "wrong command line",
    "GIQ0102": "there is nobody to ask",
    "GIQ0103": "not approved",
    "GIQ0104": "the file cannot be written",
    "GIQ0105": "no value for the secret",
    "GIQ0106": "name or key of a secret",
    "GIQ0107": "there is no place for the secret yet",
    "GIQ0108": "the Secret belongs to others",
    "GIQ0109": "a filter is not understood",
    "GIQ0110": "a key that nothing listed has",
    "GIQ0111": "flags that do not go together",
    "GIQ0199": "internal error",
}

_INTENT = {
    "GIQ1001": "broken YAML",
    "GIQ1002": "empty file",
    "GIQ1003": "file too large",
    "GIQ1004": "not a text file",
    "GIQ1005": "more than one document",
    "GIQ1006": "nested too deeply",
    "GIQ1007": "YAML feature that intents do not take",
    "GIQ1008": "key given twice",
    "GIQ1009": "YAML reads the value as something else",
    "GIQ1010": "file cannot be read",
    "GIQ1011": "not an intent",
    "GIQ1012": "wrong apiVersion or kind",
    "GIQ1013": "kind Cluster is not acted on yet",
    "GIQ1014": "unknown environment",
    "GIQ1015": "reserved environment name",
    "GIQ1016": "unknown key",
    "GIQ1017": "missing key",
    "GIQ1018": "wrong value",
    "GIQ1019": "the model's config.json does not fit",
    "GIQ1020": "no intent in the folder",
}

_REFUSED = {
    "GIQ1101": "servers other than vllm are not acted on yet",
    "GIQ1102": "serving stacks are not acted on yet",
    "GIQ1103": "bucket.transfer is not acted on yet",
    "GIQ1104": "xlaCacheUri is not acted on yet",
    "GIQ1105": "accelerator.reservation is not acted on yet",
    "GIQ1106": "accelerator.fallback is not acted on yet",
    "GIQ1107": "flex-start is not acted on yet",
    "GIQ1108": "reservations are not acted on yet",
    "GIQ1109": "Standard clusters are not acted on yet",
    "GIQ1110": "cluster.network is not acted on yet",
    "GIQ1111": "cluster.subnetwork is not acted on yet",
    "GIQ1112": "cluster.privateNodes is not acted on yet",
    "GIQ1113": "observability.dashboard is not acted on yet",
    "GIQ1114": "lifecycle.preventDestroy is not acted on yet",
    "GIQ1115": "lifecycle.ignore is not acted on yet",
    "GIQ1116": "lifecycle.moved is not acted on yet",
    "GIQ1117": "patches are not acted on yet",
    "GIQ1118": "policies are not acted on yet",
    "GIQ1119": "state in a bucket is not acted on yet",
    "GIQ1120": "TPUs are not acted on yet",
}

_CATALOG = {
    "GIQ1201": "a catalog file cannot be read",
    "GIQ1202": "a catalog file is broken",
    "GIQ1203": "unknown use case",
    "GIQ1204": "unknown machine type",
    "GIQ1205": "unknown accelerator",
    "GIQ1206": "a catalog layer cannot be written",
    "GIQ1207": "a catalog layer is being written by another run",
    "GIQ1208": "a price cannot be taken",
    "GIQ1209": "prices in another currency",
    "GIQ1210": "no file of prices",
    "GIQ1211": "no machine's price follows from the SKUs",
    "GIQ1212": "nothing of that name in the catalog",
    "GIQ1213": "the catalog contradicts itself",
    "GIQ1214": "no catalog there",
    "GIQ1225": "an answer of the GIQ API cannot be used",
    "GIQ1226": "a model that the GIQ API does not know",
    "GIQ1227": "another sync works here",
    "GIQ1228": "what was fetched cannot be kept",
    "GIQ1229": "an accelerator that the catalog does not know",
    "GIQ1230": "the GIQ API knows no model",
    "GIQ1235": "a name that the catalog does not know",
    "GIQ1236": "no profile of the model",
    "GIQ1237": "no profile meets what is asked",
}

_RECOMMEND = {
    "GIQ1301": "no curve of the model",
    "GIQ1302": "no curve can be used",
}

_MANIFESTS: dict[str, str] = {
    "GIQ1401": "no manifests for this model server",
    "GIQ1402": "model server version",
    "GIQ1403": "argument that this model server version does not have",
    "GIQ1404": "argument that follows from the intent",
    "GIQ1405": "parallelism does not fit",
    "GIQ1406": "precision does not fit the checkpoint",
    "GIQ1407": "size of the weights unknown",
    "GIQ1408": "does not fit the machine",
    "GIQ1409": "label that belongs to giqplan",
    "GIQ1410": "environment variable that belongs to giqplan",
    "GIQ1411": "field without effect here",
    "GIQ1412": "context shorter than the workload",
    "GIQ1413": "the value of a secret in the intent",
    "GIQ1414": "environment variable that holds a secret",
}

_CHECKS = {
    "GIQ1501": "accelerator quota",
    "GIQ1502": "SLO in reach",
    "GIQ1503": "cluster",
    "GIQ1504": "replacement needed",
    "GIQ1505": "fields held by another manager",
    "GIQ1506": "peak within the highest replica count",
    "GIQ1507": "name taken by others",
    "GIQ1508": "applied, but not ready",
    "GIQ1509": "model bucket",
    "GIQ1510": "metrics adapter",
    "GIQ1511": "objects of another environment",
    "GIQ1523": "managed by another tool too",
    "GIQ1512": "Google Cloud APIs",
    "GIQ1513": "caller's permissions",
    "GIQ1514": "room for the download",
    "GIQ1515": "machine",
    "GIQ1520": "Hugging Face token",
    "GIQ1521": "gated model",
}

_PLAN = {
    "GIQ1601": "resources depend on each other in a circle",
    "GIQ1602": "destroy needs a world",
    "GIQ1603": "an offline plan cannot be applied",
    "GIQ1604": "a failing check blocks",
    "GIQ1605": "no plan file",
    "GIQ1606": "the plan file is of another giqplan",
    "GIQ1607": "the plan file was altered",
    "GIQ1608": "the plan is of another world or environment",
    "GIQ1609": "the plan is stale",
    "GIQ1610": "the plan does not follow from its inputs",
    "GIQ1611": "intents that cannot be planned together",
    "GIQ1612": "intents want different things of one resource",
    "GIQ1613": "a glob names nothing",
    "GIQ1614": "the digest is missing or another one",
    "GIQ1615": "a resource of an unknown type",
    "GIQ1620": "nothing is recorded",
    "GIQ1622": "the intent does not want it",
    "GIQ1623": "nothing is there to import",
    "GIQ1624": "it is recorded already",
    "GIQ1625": "somebody else manages it",
    "GIQ1626": "what should be imported cannot be looked at",
}

_APPLY = {
    "GIQ1701": "the server holds something else than was sent",
    "GIQ1702": "something that was applied has failed",
    "GIQ1703": "something that was applied has not settled in time",
    "GIQ1704": "stopped before it had settled",
    "GIQ1705": "a value that apply needs is not known",
    "GIQ1706": "something came to be there since the plan",
    "GIQ1707": "it waits for what is not giqplan's to make",
}

_STATE = {
    "GIQ1801": "the state file is empty",
    "GIQ1802": "the state file or its journal is broken",
    "GIQ1803": "the state is of a later giqplan",
    "GIQ1804": "the state file is gone",
    "GIQ1805": "the state was written by another run",
    "GIQ1806": "the state is locked",
    "GIQ1807": "the state is of something else",
    "GIQ1808": "the state or its journal cannot be written",
    "GIQ1809": "an earlier run has not ended",
    "GIQ1810": "there is no state",
    "GIQ1811": "state does not hold it",
    "GIQ1812": "it cannot be moved there",
}

_CLOUD = {
    "GIQ1901": "no credentials",
    "GIQ1902": "credentials refused or expired",
    "GIQ1903": "no connection",
    "GIQ1904": "permission denied",
    "GIQ1905": "request refused",
    "GIQ1906": "it exists already",
    "GIQ1907": "busy",
    "GIQ1908": "the service failed",
    "GIQ1909": "fields are held by another manager",
    "GIQ1910": "request that the client library does not know",
    "GIQ1911": "another sandbox answers",
    "GIQ1912": "the cluster does not answer",
}

_SANDBOX: dict[str, str] = {
    "GIQ2001": "the sandbox cannot be used",
    "GIQ2002": "the sandbox does not start",
    "GIQ2003": "world.yaml cannot be read",
    "GIQ2004": "world.yaml is wrong",
    "GIQ2005": "unknown sandbox caller",
    "GIQ2006": "no such cluster runs in the sandbox",
    "GIQ2007": "a fault that cannot be ordered",
}

CODES: dict[str, str] = {
    **_USAGE,
    **_INTENT,
    **_REFUSED,
    **_CATALOG,
    **_RECOMMEND,
    **_MANIFESTS,
    **_CHECKS,
    **_PLAN,
    **_APPLY,
    **_STATE,
    **_CLOUD,
    **_SANDBOX,
}
