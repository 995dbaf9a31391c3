"""Loaded by the tests' MLflow server, as MLflow's documentation has it for custom authentication: a bearer token beside user names and
passwords."""

import os

from flask import request
from mlflow.server.auth import authenticate_request_basic_auth
from werkzeug.datastructures import Authorization


def authenticate():
    offered = request.authorization
    if offered is not None and offered.type == "bearer" and offered.token == os.environ["TESTS_BEARER_TOKEN"]:
        return Authorization("basic", {"username": os.environ["TESTS_USER"], "password": os.environ["TESTS_PASSWORD"]})
    return authenticate_request_basic_auth()
