"""Settings: a flag wins over the environment (`DAYBOOK_*`), which wins over the file named by `DAYBOOK_CONFIG`."""

import os
import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from domain.catalogue import problems_of
from projections.database import Bounds
from service.calendar import Calendar

#: Requests to record that may wait, unless set otherwise.
WAITING_REQUESTS = 4_096
#: Memory of the process that reads a file: enough for a table of any length, and for a JSON document of some 80 MiB.
IMPORT_MEMORY_MB = 1_024
#: Settings that are not as if unset where the environment has them empty: what was to be kept secret is missing then,
#: and another database or another key would be taken for it.
MEANT_WHERE_EMPTY = frozenset({"admin_token", "database_url", "migrations_url", "signing_key"})
#: Views need so much to be of use, however small the machine.
LEAST_MEMORY_MB = 256
#: Where a container says how much memory it may use.
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def _listed(given: Any) -> Any:
    """The parts of a list that is written as JSON, or with commas or spaces."""
    return re.findall(r"[^\s,\"\[\]]+", given) if isinstance(given, str) else given


def _networks(given: Any) -> Any:
    """The networks of such a list."""
    listed = _listed(given)
    return [ip_network(part) for part in listed] if isinstance(listed, list) else listed


#: Networks in CIDR notation.
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks), NoDecode]


#: Seconds, up to a day.
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class BadSettings(Exception):
    """Settings that cannot be used: which, and why."""


class SettingsOfTheEnvironment(EnvSettingsSource):
    """Variables of the environment; an empty one, as a compose file passes on, is as if it were not there."""

    def __call__(self) -> dict[str, Any]:
        """Those that are set, by the names of their settings."""
        found = super().__call__()
        return {name: given for name, given in found.items() if given != "" or name in MEANT_WHERE_EMPTY}


class Settings(BaseSettings):
    """What an operator decides."""

    model_config = SettingsConfigDict(env_prefix="DAYBOOK_", extra="ignore", hide_input_in_errors=True)

    #: Where the embedded database, the projections and keys live.
    home: Path = Field(default_factory=lambda: Path.home() / ".daybook")
    #: A PostgreSQL database of the operator's own; absent: one is run under `home`.
    database_url: SecretStr | None = None
    #: The same database as its owner, who makes the ledger and brings it to a version's schema; absent: `database_url`.
    migrations_url: SecretStr | None = None
    #: Folder with PostgreSQL's programs, for the embedded database.
    pg_bin: Path | None = None
    #: The first token, an admin's.
    admin_token: SecretStr | None = None
    #: Name of the ledger, fixed when it is made.
    origin: str | None = None
    #: Where it is today: a zone of the IANA database, such as Asia/Shanghai.
    time_zone: str = "UTC"
    #: The largest body of events; other routes take less (service.web.entry.limits).
    body_limit_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    #: Requests to record that may wait for their turn; who comes then is asked to come back later.
    waiting_requests: int = Field(default=WAITING_REQUESTS, gt=0)
    #: How long a client may take to send a request's headers, and then its body.
    body_timeout_s: Seconds = Field(default=30.0, gt=0)
    #: The largest file that is imported over HTTP, and how long a client may take to send it.
    import_limit_bytes: int = Field(default=4 * 1024**3, gt=0)
    import_timeout_s: Seconds = Field(default=3_600.0, gt=0)
    #: MiB of memory that reading a file to import may take: it is done in a process of its own.
    import_memory_mb: int = Field(default=IMPORT_MEMORY_MB, ge=128)
    #: Days for which the outcome of an import over HTTP is kept.
    import_kept_days: float = Field(default=30.0, ge=0, le=36_525, allow_inf_nan=False)
    #: Whether a change to a resource needs If-Match.
    require_if_match: bool = False
    #: An OpenID Connect provider whose tokens are let in: its issuer, our audience, and its keys (a file or a URL).
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    #: The one algorithm that it signs with.
    oidc_algorithm: str = "RS256"
    #: The claim that names the role; of nested claims the path, joined by dots.
    oidc_role_claim: str = "daybook_role"
    #: How far its clock and ours may differ.
    oidc_leeway_s: float = Field(default=60.0, ge=0, le=600, allow_inf_nan=False)
    #: Requests that one token may send in a time, and one address without one, as in "600/minute"; absent: any number.
    rate_limit: str | None = None
    #: Networks (CIDR) of the proxies in front, which are believed about whom they speak for (X-Forwarded-For).
    trusted_proxies: Networks = ()
    #: Whether webhooks may be sent by plain http to other machines.
    webhook_http: bool = False
    #: Networks (CIDR) to which webhooks may be sent besides public addresses, such as the operator's own.
    webhook_networks: Networks = ()
    #: How log lines look: json, text, or auto: text on a terminal, else JSON.
    log_format: Literal["auto", "json", "text"] = "auto"
    #: Whether serving logs a line for each request.
    log_requests: bool = True
    #: Sites whose pages may call this service from a browser; none: no other site may.
    cors_origins: Annotated[list[str], BeforeValidator(_listed), NoDecode] = Field(default_factory=list)
    #: The keys that sign checkpoints, each PRIVATE+KEY+name+id+key; absent: one is made with the ledger, under `home`.
    signing_key: SecretStr | None = None
    #: What anybody may read of the transparency log without a token: its checkpoint and hashes, or its entries as well.
    open_log: Literal["none", "hashes", "all"] = "none"
    #: How long a view waits for the projection to reach what was asked.
    wait_s: Seconds = 5.0
    #: The longest that a client may ask it to wait (Prefer: wait).
    longest_wait_s: Seconds = 30.0

    #: How often a service looks whether the tables of reports are level; absent: it leaves them alone.
    reporting_every_s: Seconds | None = Field(default=None, ge=1)
    #: The currency of their figures.
    reporting_currency: str = Field(default="USD", pattern="^[A-Z]{3}$")

    #: Memory that the views may use, in MiB; absent: a quarter of what this machine or container has, 256 at least.
    projection_memory_mb: int | None = Field(default=None, ge=64)
    #: What the views may write to a temporary folder below the home where that does not suffice, in MiB.
    projection_spill_mb: int = Field(default=8_192, ge=0)
    #: Threads that answer one question of the views; absent: as many as there are processors.
    projection_threads: int | None = Field(default=None, ge=1, le=256)

    @property
    def projection_bounds(self) -> Bounds:
        """What the views' database may use."""
        memory_mb = self.projection_memory_mb or max(LEAST_MEMORY_MB, memory_bytes() // (4 << 20))
        return Bounds(memory_mb, self.projection_spill_mb, self.projection_threads)

    @field_validator("database_url", "migrations_url")
    @classmethod
    def _readable_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().strip():
            # PostgreSQL's programs would take whichever database their own settings lead to.
            raise ValueError("is empty: give an address such as postgresql://user@host/name, or leave it unset")
        try:
            conninfo_to_dict("" if url is None else url.get_secret_value())
        except ProgrammingError:
            # PostgreSQL's own words quote it, and a password may stand in it.
            raise ValueError("is no address of a database such as postgresql://user@host/name") from None
        return url

    @property
    def calendar(self) -> Calendar:
        """By which it is today."""
        return Calendar.of(self.time_zone)

    @field_validator("home", "origin", "pg_bin", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if given == "":
            raise ValueError("is empty: give a name, or leave it unset")
        return given

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return Calendar.of(name).name

    @field_validator("rate_limit")
    @classmethod
    def _readable_limit(cls, text: str | None) -> str | None:
        if text is not None:
            import limits  # by who sets it: every command reads the settings

            limits.parse(text)
        return text

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
        sources: list[Any] = [init_settings, SettingsOfTheEnvironment(settings_cls)]
        if file := os.environ.get("DAYBOOK_CONFIG"):
            if not Path(file).exists():
                raise FileNotFoundError("there is no such file")
            if Path(file).is_dir():
                raise IsADirectoryError("it is a folder, and no file")
            sources.append(TomlConfigSettingsSource(settings_cls, Path(file)))
        return tuple(sources)


def read_settings(home: Path | None = None) -> Settings:
    """The settings of this process, `home` by a flag; BadSettings where one cannot be used."""
    try:
        return Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        found = [(problem.pointer.split("/")[1], problem.message) for problem in problems_of(error)]
        said = dict.fromkeys(f"the setting {name} (DAYBOOK_{name.upper()}): {message}" for name, message in found)
        raise BadSettings("; ".join(said)) from None
    except (OSError, ValueError) as error:
        raise BadSettings(f"the file {os.environ.get('DAYBOOK_CONFIG')} (DAYBOOK_CONFIG): {error}") from None


def memory_bytes() -> int:
    """The memory of this machine, or what this container may use of it."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in MEMORY_LIMITS:
        with suppress(OSError, ValueError):
            found = min(found, int(path.read_text()))
    return found
