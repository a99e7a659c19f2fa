"""Asks every case through the OpenFeature SDK for Python and its stock OFREP provider.

Cases come on standard input, answers go to standard output, one line of JSON each; see run.mjs.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

ASK = {"boolean": "boolean", "string": "string", "integer": "integer", "number": "float", "object": "object"}
TYPES = {"boolean": bool, "string": str, "integer": int, "number": float, "object": dict}

asked = json.load(sys.stdin)
clients = {}


def client_of(tenant):
    if tenant not in clients:
        headers = {"X-Tenant-ID": tenant} if tenant else None
        provider = OFREPProvider(asked["base"], headers_factory=lambda: headers)
        api.set_provider(provider, domain=tenant or "platform")
        clients[tenant] = api.get_client(tenant or "platform")
    return clients[tenant]


for case in asked["cases"]:
    client = client_of(case.get("tenant"))
    context = case["context"]
    if context is not None:
        attributes = dict(context)
        context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    details = getattr(client, f"get_{ASK[case['type']]}_details")(case["flag"], case["default"], context)
    answer = {
        "id": case["id"],
        "value": details.value,
        # An integer is no float here, and a boolean is no integer.
        "isOfType": type(details.value) is TYPES[case["type"]],
        "variant": details.variant,
        "reason": details.reason,
        "errorCode": details.error_code,
        "errorMessage": details.error_message,
        "metadata": dict(details.flag_metadata),
    }
    print(json.dumps(answer))
