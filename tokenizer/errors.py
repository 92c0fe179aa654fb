"""Errors of tokenizers, printed by the front door as one line."""


class TokenizerError(Exception):
    """A tokenizer file, a text file or an option is not usable as given; the message names it and the mend."""

    exit_status = 2
