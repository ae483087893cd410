"""Flask-Session: a random id in the cookie, the session in Redis."""

import hmac
import os
from datetime import timedelta

from flask import Flask, abort, jsonify, request, session
from flask_session import Session
from redis import Redis

USERNAME, PASSWORD = "ada", "correct horse battery staple"

app = Flask(__name__)
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=Redis.from_url(os.environ["REDIS_URL"]),
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SECURE=False,  # the benchmark speaks plain HTTP
    SESSION_COOKIE_SAMESITE="Lax",
    PERMANENT_SESSION_LIFETIME=timedelta(minutes=30),
)
Session(app)


def same(given, expected):
    return hmac.compare_digest(given.encode(), expected.encode())


@app.errorhandler(401)
def unauthorized(_):
    return jsonify(error="unauthorized"), 401


@app.post("/login")
def login():
    username = request.form["username"]
    if not (same(username, USERNAME) & same(request.form["password"], PASSWORD)):
        abort(401)
    app.session_interface.regenerate(session)
    session["username"] = username
    return jsonify(ok=True)


@app.get("/session")
def current():
    if "username" not in session:
        abort(401)
    return jsonify(username=session["username"])
