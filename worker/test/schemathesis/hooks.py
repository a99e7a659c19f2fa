"""What Schemathesis leaves out of the description before it makes requests of it."""

import schemathesis

MOST_ITEMS = 256


def without_long_arrays(node):
    """Limits of 10,000 items: one more than that, at each place that may hold them, takes minutes and hundreds of megabytes."""
    if isinstance(node, dict):
        if isinstance(node.get("maxItems"), int) and node["maxItems"] > MOST_ITEMS:
            del node["maxItems"]
        for value in node.values():
            without_long_arrays(value)
    elif isinstance(node, list):
        for value in node:
            without_long_arrays(value)


def without_page_tokens(paths):
    """No schema says what a page token is: what a list gave, and nothing else."""
    for path in paths.values():
        for operation in path.values():
            parameters = operation["parameters"]
            operation["parameters"] = [one for one in parameters if one["name"] != "page_token"]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    without_long_arrays(raw_schema)
    without_page_tokens(raw_schema["paths"])
