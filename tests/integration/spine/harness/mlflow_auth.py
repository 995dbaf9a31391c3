"""Loaded by the tests' MLflow server, as MLflow's documentation has it for custom authentication: a bearer token beside user names and
passwords."""

import os

from flask import request
from mlflow.server.auth import authenticate_request_basic_auth, make_basic_auth_response
from werkzeug.datastructures import Authorization


def authenticate():
    offered = request.authorization
    if offered is None or offered.type != "bearer":
        return authenticate_request_basic_auth()
    if offered.token != os.environ["TESTS_BEARER_TOKEN"]:
        return make_basic_auth_response()
    return Authorization("basic", {"username": os.environ["TESTS_USER"], "password": os.environ["TESTS_PASSWORD"]})
