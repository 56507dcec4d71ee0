"""Parts of the OpenAPI document that routers declare."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from app.http.problems import PROBLEM_MEDIA_TYPE
from app.http.schemas import Problem


def component(model: type[BaseModel]) -> dict[str, str]:
    """Return a reference to the component of `model`, which app/http/openapi.py adds to the document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for its own refusals. app/http/openapi.py adds those of every route."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_MEDIA_TYPE: {"schema": component(Problem)}},
        }
        for status in statuses
    }
