"""Gathers the client under its own name from the code of the service, which has no copy of it to keep alike."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: What is built from: the service beside this folder. A source distribution holds what was gathered for it instead.
SERVICE, GATHERED = HERE.parent / "service", HERE / "daybook_client"
#: Modules of the service, and what they are called here. A folder is taken with all that is in it.
TAKEN = {
    "client": "daybook_client",
    "shapes": "daybook_client/shapes",
    "version.py": "daybook_client/version.py",
    "py.typed": "daybook_client/py.typed",
}
#: Makes the blocking client, which is there when it is gathered.
LEFT_OUT = "generating.py"


def gather(target: Path) -> Path:
    """Write the package below a folder, and return where it lies."""
    package = target / "daybook_client"
    for taken, place in TAKEN.items():
        source = SERVICE / taken
        files = sorted(source.rglob("*.py")) if source.is_dir() else [source]
        for file in files:
            if file.name != LEFT_OUT:
                written = target / place / file.relative_to(source) if source.is_dir() else target / place
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(renamed(file.read_text()))
    return package


def renamed(source: str) -> str:
    """Code that imports the client by its own name."""
    source = re.sub(r"\bservice\.client\b", "daybook_client", source)
    return re.sub(r"\bservice\.(shapes|version)\b", r"daybook_client.\1", source)


def version() -> str:
    """The version, that of the service."""
    file = (SERVICE if SERVICE.is_dir() else GATHERED) / "version.py"
    found = re.search(r'^VERSION = "(.+)"$', file.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} says no version")
    return found[1]
