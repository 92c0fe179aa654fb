"""`python -m trainer`: train, sample and evaluate where the rest of the house is not installed."""

import sys

import typer

from shards.commandline import run
from trainer.commands import evaluate, sample, train

app = typer.Typer(help="Train on token shards, sample, evaluate.", no_args_is_help=True)
app.command()(train)
app.command()(sample)
app.command(name="eval")(evaluate)

if __name__ == "__main__":
    sys.exit(run(app, "python -m trainer"))
