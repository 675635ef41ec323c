"""The build hook of hatchling: what is built holds the package that gathering.py makes."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gathering import SERVICE, gather  # found by its folder: a build hook is no package


class Gathered(BuildHookInterface):
    """Adds the package to the wheel, or to the source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Gather it in a folder that lasts as long as the build; a source distribution has it already."""
        self.folder = tempfile.TemporaryDirectory(prefix="daybook-client-")
        if SERVICE.is_dir():
            build_data["force_include"][str(gather(Path(self.folder.name)))] = "daybook_client"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        self.folder.cleanup()
