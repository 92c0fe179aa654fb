"""The site file: how this site runs tasks, said once instead of on every command line.

    # ~/.config/corpusmill/site.yaml
    executor: slurm
    slurm:
      partition: cpu
      account: corpora
      set_up: [module load python]
      environment: {TMPDIR: /scratch}
      options: [--exclude=n17]

It lies below XDG_CONFIG_HOME where that is set; CORPUSMILL_SITE names another file. What the command line says wins.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from pipeline.errors import RecipeError
from pipeline.validation import first_fault, one_line
from shards.yaml_text import parse_yaml

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
SbatchOption = Annotated[str, StringConstraints(pattern=r"^-")]


class SlurmSettings(BaseModel):
    """What jobs are submitted with, and what they run before a task."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    #: Lines of bash that a job runs first; one that fails ends the job.
    set_up: tuple[str, ...] = ()
    environment: dict[VariableName, str] = {}
    #: Further options of sbatch, which win over ours.
    options: tuple[SbatchOption, ...] = ()


class Site(BaseModel):
    """The settings of a site file; all of them may be left out, and the file too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    executor: Literal["inline", "local", "ray", "slurm"] = "local"
    slurm: SlurmSettings = SlurmSettings()

    @classmethod
    def load(cls) -> Site:
        """Read the site file. RecipeError for what it says wrongly, and when CORPUSMILL_SITE names no file."""
        named = os.environ.get("CORPUSMILL_SITE")
        file = Path(named) if named else _configuration_folder() / "corpusmill" / "site.yaml"
        try:
            data = parse_yaml(file.read_text("utf-8"))
        except FileNotFoundError:
            if named:
                raise RecipeError(f"{file}: no such file, which CORPUSMILL_SITE names") from None
            return cls()
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RecipeError(f"{file}: not readable as YAML: {one_line(error)}") from error
        if not isinstance(data or {}, dict):
            raise RecipeError(f"{file}: a site file is a mapping with the keys {', '.join(cls.model_fields)}")
        try:
            return cls.model_validate(data or {})
        except ValidationError as error:
            raise RecipeError(f"{file}: {first_fault(error, cls)}") from error


def _configuration_folder() -> Path:
    folder = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return folder if folder.is_absolute() else Path.home() / ".config"
