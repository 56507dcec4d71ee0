"""What the OpenAPI document says about refusals."""

from http import HTTPStatus
from typing import Any

from app.errors import PROBLEM_MEDIA_TYPE
from app.models import Problem


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that reads or writes records: `statuses`, and those of every such route."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for status in sorted({400, 401, 422, 503, *statuses})
    }
