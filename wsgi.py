"""The application object for WSGI servers and the `flask` command."""

import sys

from api import create_app
from config import ConfigurationError

try:
    app = create_app()
except ConfigurationError as error:
    sys.exit(str(error))  # every fault, and no traceback around them
