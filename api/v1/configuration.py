"""`/configuration`: effective settings redacted, the three environments, a dry check (60, 76, 100)."""

from typing import Any

from flask import current_app
from flask_restful import Resource
from marshmallow import Schema, fields, validate

import config
from api.demonstrations import demonstrates
from api.http.limits import writes
from api.http.parsing import body

# `config.py` stands above this package and imports nothing of it, so it is marked from here.
demonstrates(
    60,
    at="GET v1.configuration",
    test="tests/v1/test_configuration.py::test_settings_are_shown_without_secrets",
)(config.load)
demonstrates(
    76,
    at="GET v1.environments",
    test="tests/v1/test_configuration.py::test_environments_are_compared_setting_by_setting",
)(config.Production)
demonstrates(
    100,
    at="POST v1.configuration_check",
    test="tests/v1/test_configuration.py::test_every_fault_is_named_at_once",
)(config.check)


class Configuration(Resource):
    """The settings that are in force, secrets redacted, each with its source."""

    @demonstrates(
        60, test="tests/v1/test_configuration.py::test_settings_are_shown_without_secrets"
    )
    def get(self) -> dict[str, Any]:
        """Describe `app.config` as far as it is ours."""
        settings: config.Settings = current_app.extensions["settings"]
        return {"environment": settings.APP_ENV, "items": config.describe(settings)}


class ConfigurationEnvironments(Resource):
    """What differs between development, testing and production."""

    @demonstrates(
        76, test="tests/v1/test_configuration.py::test_environments_are_compared_setting_by_setting"
    )
    def get(self) -> dict[str, Any]:
        """Compare the defaults of the three classes."""
        return {"items": config.environments()}


class CheckBody(Schema):
    """Settings to try, as the environment would give them: names and strings."""

    settings = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 60)),
        values=fields.String(validate=validate.Length(max=2000)),
        required=True,
        validate=validate.Length(max=100),
    )


class ConfigurationCheck(Resource):
    """Whether production would start with the settings given: a dry run, nothing is kept."""

    @demonstrates(76, 100, test="tests/v1/test_configuration.py::test_every_fault_is_named_at_once")
    @writes
    @body(CheckBody)
    def post(self, args: dict[str, Any]) -> dict[str, Any]:
        """Answer every fault at once; a secret's value is never repeated."""
        faults = config.check(args["settings"])
        return {
            "ok": not faults,
            "faults": [{"setting": fault.setting, "detail": fault.detail} for fault in faults],
        }
