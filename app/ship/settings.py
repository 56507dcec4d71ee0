"""Every environment variable of the shipper, typed, with its safe default."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ShipperSettings(BaseSettings):
    """Read once at start. Fields are the variables' names in lower case."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    destinations_file: Path | None = None
    """TOML file of what is shipped where: a table [destinations.NAME] for each."""

    shipper_directory: Path = Path(".data/shipper")
    """Directory of the positions, for its owner alone, on a disk that outlives the shipper."""

    shipper_metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of /metrics, for Prometheus. Without it the shipper listens nowhere."""

    shipper_metrics_host: str = "127.0.0.1"
    """Address that /metrics listens on. It tells the names of the destinations, and nothing of any record."""
