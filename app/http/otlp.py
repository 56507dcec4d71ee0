"""The answers of OTLP over HTTP, in the encoding of the request: protobuf or JSON."""

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.exceptions import HTTPException

from app.http.problems import described
from app.model.refusals import RingfenceError
from app.telemetry.metrics import REFUSED

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def media_type_of(content_type: str) -> str:
    """Return the media type of a Content-Type, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def exported(media_type: str, rejected: int, message: str) -> Response:
    """Return the answer to spans that were taken, but for the `rejected` ones, which are not to be sent again."""
    answer = ExportTraceServiceResponse()
    if rejected or message:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = message
    return _encoded(answer, media_type)


def refused(media_type: str, error: RingfenceError | RequestValidationError | HTTPException) -> Response:
    """Return the answer to a request that was refused: a google.rpc.Status, as OTLP demands instead of a problem.

    An exporter sends again what is answered with 503, and nothing that is answered with 400, 401, 403, 413 or 415.
    """
    found = described(error)
    REFUSED.labels(found.kind).inc()
    response = _encoded(Status(message=f"{found.kind}: {found.detail}"), media_type)
    response.status_code = 400 if found.status == 422 else found.status
    response.headers.update(found.headers or {})
    return response


def _encoded(message: Message, media_type: str) -> Response:
    if media_type == PROTOBUF:
        return Response(message.SerializeToString(), media_type=PROTOBUF)
    return Response(MessageToJson(message, indent=None), media_type=JSON)
