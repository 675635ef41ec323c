"""Settings: a flag wins over the environment (`DAYBOOK_*`), which wins over the file named by `DAYBOOK_CONFIG`."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """What an operator decides."""

    model_config = SettingsConfigDict(env_prefix="DAYBOOK_", extra="ignore")

    #: Where the embedded database, the projections and keys live.
    home: Path = Field(default_factory=lambda: Path.home() / ".daybook")
    #: A PostgreSQL database of the operator's own; absent: one is run under `home`.
    database_url: SecretStr | None = None
    #: Folder with PostgreSQL's programs, for the embedded database.
    pg_bin: Path | None = None
    #: The first token, an admin's.
    admin_token: SecretStr | None = None
    #: Name of the ledger, fixed when it is made.
    origin: str | None = None
    #: The largest request body.
    body_limit_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    #: How long a view waits for the projection to reach what was asked.
    wait_s: float = Field(default=5.0, ge=0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the TOML file."""
        sources: list[Any] = [init_settings, env_settings]
        if file := os.environ.get("DAYBOOK_CONFIG"):
            sources.append(TomlConfigSettingsSource(settings_cls, Path(file)))
        return tuple(sources)
