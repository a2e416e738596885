"""Verdicts are checked against the schema that is shipped with dfhpc."""

import functools
import json

import jsonschema

from dfhpc.verdict_document import schema


@functools.cache
def _validator():
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema())
    return kind(schema())


def validate(verdict):
    """Raise unless a verdict, once written and read again, keeps to the schema."""
    _validator().validate(json.loads(json.dumps(verdict, allow_nan=False)))
