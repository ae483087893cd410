"""Flask-JWT-Extended: an access token, signed with HS256."""

import hmac
from datetime import timedelta

from flask import Flask, jsonify, request
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required

USERNAME, PASSWORD = "ada", "correct horse battery staple"

app = Flask(__name__)
app.config.update(
    # Known to every worker; it guards nothing.
    JWT_SECRET_KEY="a key of the benchmark, the same in each worker",
    JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=15),
)
jwt = JWTManager(app)


def same(given, expected):
    return hmac.compare_digest(given.encode(), expected.encode())


@jwt.invalid_token_loader
def invalid_token(reason):
    # The default is 422; the other peers say 401.
    return jsonify(msg=reason), 401


@app.post("/login")
def login():
    given = request.get_json()
    username, password = str(given.get("username")), str(given.get("password"))
    if not (same(username, USERNAME) & same(password, PASSWORD)):
        return jsonify(msg="unauthorized"), 401
    return jsonify(access_token=create_access_token(identity=username))


@app.get("/profile")
@jwt_required()
def profile():
    return jsonify(logged_in_as=get_jwt_identity())
