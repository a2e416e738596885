"""Identity components: which names stand for people who occur together."""

from collections.abc import Iterable


def component_ids(
    nodes: Iterable[str], edges: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Return for each node the least node of its connected component.

    >>> component_ids(["a", "b", "c"], [("c", "b")])
    {'a': 'a', 'b': 'b', 'c': 'b'}
    """
    parent = {node: node for node in nodes}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in edges:
        parent.setdefault(left, left)
        parent.setdefault(right, right)
        low, high = sorted((root(left), root(right)))
        parent[high] = low
    return {node: root(node) for node in parent}
