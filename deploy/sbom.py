"""Writes what modelspan runs on, with versions and licences, as CycloneDX 1.6 JSON: `python deploy/sbom.py EXTRA ...`.

All is read from the metadata of what is installed here: the runtime dependencies of the base and of the extras named
(`all` if none is), and theirs. A licence that a distribution does not state is said to be unknown, on stderr too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LONGEST = 64
"""Characters of a licence's name; what is longer is its text."""


def main(extras: Sequence[str]) -> int:
    """Write the document, and say what is left out of it."""
    root = distribution("modelspan")
    found, absent = reach(root, frozenset(extras or ["all"]))
    components = [component(one) for name, one in sorted(found.items()) if name != "modelspan"]
    json.dump(document(root, components), sys.stdout, indent=1)
    print()
    for name in sorted(absent):
        print(f"not installed here, and left out: {name}", file=sys.stderr)
    for one in components:
        if "licenses" not in one:
            print(f"states no licence: {one['name']} {one['version']}", file=sys.stderr)
    return 1 if absent else 0


def reach(root: Distribution, extras: frozenset[str]) -> tuple[dict[str, Distribution], set[str]]:
    """The distributions that one needs with its extras, itself among them, and the names of those that are not here."""
    found: dict[str, Distribution] = {}
    absent: set[str] = set()
    done: set[tuple[str, str]] = set()
    ahead = [(str(root.metadata["Name"]), extra) for extra in ("", *extras)]
    while ahead:
        name, extra = ahead.pop()
        key = canonicalize_name(name)
        if (key, extra) in done:
            continue
        done.add((key, extra))
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            absent.add(name)
            continue
        ahead += needed(found[key], extra)
    return found, absent


def needed(one: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What a distribution asks for on this machine, with each extra of it."""
    for text in one.requires or ():
        asked = Requirement(text)
        if asked.marker is None or asked.marker.evaluate({"extra": extra}):
            yield asked.name, ""
            yield from ((asked.name, name) for name in asked.extras)


def document(root: Distribution, components: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The whole of it: the same for the same versions, so without a time or a number of its own."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**component(root), "type": "application"}},
        "components": list(components),
    }


def component(one: Distribution) -> dict[str, Any]:
    """One distribution."""
    name = canonicalize_name(str(one.metadata["Name"]))
    reference = f"pkg:pypi/{name}@{one.version}"
    made: dict[str, Any] = {"type": "library", "name": name, "version": one.version, "purl": reference}
    stated = licence(one)
    return {**made, "bom-ref": reference, **({"licenses": [stated]} if stated else {})}


def licence(one: Distribution) -> dict[str, Any]:
    """What a distribution states: an SPDX expression, else a name, else what its classifiers say; nothing of none."""
    if expression := one.metadata.get("License-Expression"):
        return {"expression": str(expression)}
    name = str(one.metadata.get("License") or "").strip()
    if not name or "\n" in name or len(name) > LONGEST or name.upper() == "UNKNOWN":
        told = [each for each in one.metadata.get_all("Classifier") or () if each.startswith("License ::")]
        name = re.sub(r".*:: ", "", told[0]) if told else ""
    return {"license": {"name": name}} if name else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
