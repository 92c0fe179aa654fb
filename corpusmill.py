"""The front door: `corpusmill`, one application whose commands live beside what they drive.

Nothing slow is imported until a command that needs it runs.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import typer

PROGRAM = "corpusmill"
PACKAGES = ("pipeline", "stages", "tokenizer", "shards", "trainer", "inspector")


def main() -> int:
    """Entry point of the console script: runs the command line, returns the exit status."""
    foreign = _foreign_package()
    if foreign is not None:
        print(f"{PROGRAM}: {foreign}", file=sys.stderr)
        return 2
    from shards.commandline import run

    return run(build_app(), PROGRAM)


def build_app() -> typer.Typer:
    """The application with every package's commands."""
    import inspector.commands
    import inspector.demo.commands
    import pipeline.commands
    import pipeline.run_commands
    import shards.commands
    import stages.quality.commands
    import tokenizer.commands
    import trainer.commands

    app = typer.Typer(
        help="From a web crawl to a trained language model. Start with: corpusmill demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    pipeline.commands.add_to(app)
    pipeline.run_commands.add_to(app)
    inspector.commands.add_to(app)
    app.add_typer(tokenizer.commands.app, name="tokenizer")
    app.add_typer(shards.commands.app, name="shards")
    app.add_typer(stages.quality.commands.app, name="quality")
    app.command(name="train")(trainer.commands.train)
    app.command(name="sample")(trainer.commands.sample)
    app.command(name="eval")(trainer.commands.evaluate)
    app.command(name="demo", epilog="Example: corpusmill demo --out demo-run")(inspector.demo.commands.demo)
    return app


def _foreign_package() -> str | None:
    """`trainer` and `tokenizer` are also other people's packages on PyPI: all of ours must come from one place."""
    home = Path(__file__).resolve().parent
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        places = list(spec.submodule_search_locations or []) if spec else []
        if not places or Path(places[0]).resolve() != home / package:
            found = places[0] if places else "nowhere"
            return (
                f"the package '{package}' found at {found} is not corpusmill's; "
                "uninstall it or use a virtual environment of its own"
            )
    return None


if __name__ == "__main__":
    sys.exit(main())
