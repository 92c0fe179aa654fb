"""Parse YAML that a user wrote: what PyYAML cannot make a value of is an error with its place, as all others are.

PyYAML hands on whatever Python says of `2024-13-45` or of an integer of 5,000 digits, without line or column.
"""

from __future__ import annotations

from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """The value that a text stands for; yaml.YAMLError says what is wrong and where."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise yaml.YAMLError("it nests too deep") from None


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError) as error:
            kind = node.tag.rpartition(":")[2]
            problem = f"found what cannot be read as {_KINDS.get(kind, kind)}; quote it if it is text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


_KINDS = {"timestamp": "a date", "int": "an integer", "float": "a number", "bool": "true or false"}
