"""The application object for WSGI servers and the `flask` command."""

import gc
import sys

from flask import Flask


def make() -> Flask:
    """Import and make the application, with the garbage collector at rest.

    What is made here stays until the end: looking for garbage in it was a fifth of every start.
    Frozen, it is left out of all later searches too, and workers that are forked go on sharing it.
    Source: https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.disable()
    try:
        from api import create_app  # not above: importing is the most of it
        from config import ConfigurationError

        try:
            return create_app()
        except ConfigurationError as error:
            sys.exit(str(error))  # every fault, and no traceback around them
    finally:
        gc.freeze()
        gc.enable()


app = make()
