"""Types of the fields of requests: what a value may be at all, in the form that a column has for it.

Pydantic reads more into a query than a caller may mean; here a value means one thing, or is refused.
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


def _with_a_date(value: object) -> object:
    # Pydantic reads a bare number as seconds since 1970, which names no zone.
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
        # The type of the column; which of its numbers are allowed is the database's to say.
        if len(value) > 20 or not -(2**31) <= int(value) < 2**31:
            raise PydanticCustomError("out_of_range", "integer out of range")
    return value


def _true_or_false(value: object) -> object:
    # Pydantic takes 1, on, yes and y as well.
    if value not in (True, False, "true", "false"):
        raise PydanticCustomError("bool", "true or false is needed")
    return value


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "a text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("unicode", "a text is not valid Unicode") from None
    return text


Instant = Annotated[AwareDatetime, BeforeValidator(_with_a_date), WrapValidator(_explaining_spaces)]
TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
Number = Annotated[int, BeforeValidator(_in_digits)]
Text = Annotated[str, AfterValidator(_storable)]
Mode = Annotated[Text, Field(json_schema_extra={"enum": ["DRY_RUN", "LIVE"]})]
Status = Annotated[Text, Field(json_schema_extra={"enum": ["started", "success", "error", "denied"]})]
HttpStatus = Annotated[int | None, Field(json_schema_extra={"minimum": 100, "maximum": 599})]
LatencyMs = Annotated[int | None, Field(json_schema_extra={"minimum": 0, "maximum": 2**31 - 1})]
TenantId = Annotated[
    Text | None,
    Field(description="For callers that cannot send X-Tenant-ID. Where both are there they must agree."),
]
