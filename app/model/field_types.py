"""Types of the fields of requests: which values a field accepts, in one form each.

Pydantic alone accepts more forms in a query than a caller may mean: 1_0 for 10, or "on" for true.
"""

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from app.model.record import MODES, STATUSES
from app.model.storable import storage_fault


def _with_a_date(value: object) -> object:
    # Pydantic reads a bare number as seconds since 1970, which has no zone.
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("an ISO 8601 date and time with a zone is needed")
    return value


def _explaining_spaces(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError as error:
        if isinstance(value, str) and " " in value:
            detail = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"{detail}; a plain + is a space in a query: send %2B, or Z") from None
        raise


def _in_digits(value: object) -> object:
    # Pydantic takes 1_0, 1.0 and blanks around a number as well.
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]+", value):
            raise ValueError("a whole number is needed")
        if len(value) > 20:  # Python converts no more than some thousand digits
            raise PydanticCustomError("unstorable", "integer out of range")
    return value


def _bigint(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise PydanticCustomError("unstorable", "bigint out of range")
    return value


def _true_or_false(value: object) -> object:
    # Pydantic takes 1, on, yes and y as well.
    if value not in (True, False, "true", "false"):
        raise PydanticCustomError("bool", "true or false is needed")
    return value


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "a text is needed")
    return _storable(value)


def _storable(value: object) -> object:
    # The column's type alone; its CHECK in the database says which values are allowed.
    if fault := storage_fault(value):
        raise PydanticCustomError("unstorable", fault)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_with_a_date), WrapValidator(_explaining_spaces)]
TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
Number = Annotated[int, BeforeValidator(_in_digits), AfterValidator(_storable)]
LargeNumber = Annotated[int, BeforeValidator(_in_digits), AfterValidator(_bigint)]
Text = Annotated[str, BeforeValidator(_text)]
Mode = Annotated[Text, Field(json_schema_extra={"enum": list(MODES)})]
Status = Annotated[Text, Field(json_schema_extra={"enum": list(STATUSES)})]
HttpStatus = Annotated[int | None, Field(json_schema_extra={"minimum": 100, "maximum": 599})]
LatencyMs = Annotated[int | None, Field(json_schema_extra={"minimum": 0, "maximum": 2**31 - 1})]
TenantId = Annotated[
    Text | None,
    Field(description="For callers that cannot send X-Tenant-ID. If both are sent, they must agree."),
]
