"""Logging: one line per record, as text for people or as JSON for collectors."""

import logging
import logging.config

import orjson
from flask import Flask, g, has_request_context


class JSONFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger, message and, where there are any, request id and traceback."""
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            entry["request_id"] = g.get("request_id")
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


def init_app(app: Flask) -> None:
    """Set up logging as the settings say."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
                "json": {"()": JSONFormatter},
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": app.config["LOG_FORMAT"],
                }
            },
            "loggers": {
                "api": {
                    "level": app.config["LOG_LEVEL"],
                    "handlers": ["stderr"],
                    "propagate": False,
                },
                # What Celery tells of every message is told by the jobs' own rows.
                "celery": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            },
        }
    )
