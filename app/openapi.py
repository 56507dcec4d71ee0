"""The OpenAPI document says how a caller proves, or names, its tenant."""

from typing import Any

from fastapi import FastAPI

_SCHEMES = {
    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key, rf_..., where keys count."},
    "tenant": {"type": "apiKey", "in": "header", "name": "X-Tenant-ID", "description": "Behind a gateway alone."},
}
_OPEN = "/api/v1/health"


def describe_security(app: FastAPI) -> None:
    """Add the two credentials to the document of `app`, and to each operation but those that tell of health."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if not path.startswith(_OPEN):
                    operation["security"] = [{name: []} for name in _SCHEMES]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
