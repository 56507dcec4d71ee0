"""The document says which credentials there are, and where one is needed."""

from tests.conftest import Serve


def test_every_operation_but_health_wants_a_credential(serve_file: Serve) -> None:
    document = serve_file().get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["api_key"]["scheme"] == "bearer"
    assert schemes["tenant"]["name"] == "X-Tenant-ID"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            wanted: list[dict[str, list[str]]] = (
                [] if path.startswith("/api/v1/health") else [{"api_key": []}, {"tenant": []}]
            )
            assert operation.get("security", []) == wanted, path
