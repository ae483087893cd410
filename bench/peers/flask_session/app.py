"""Flask's own session: signed, and kept in the cookie."""

import hmac
from datetime import timedelta

from flask import Flask, abort, jsonify, request, session

USERNAME, PASSWORD = "ada", "correct horse battery staple"

app = Flask(__name__)
app.config.update(
    # Known to every worker; it guards nothing.
    SECRET_KEY="a key of the benchmark, the same in each worker",
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SECURE=False,  # the benchmark speaks plain HTTP
    SESSION_COOKIE_SAMESITE="Lax",
    PERMANENT_SESSION_LIFETIME=timedelta(minutes=30),
)


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
    session.clear()
    session.permanent = True
    session["username"] = username
    return jsonify(ok=True)


@app.get("/session")
def current():
    if "username" not in session:
        abort(401)
    return jsonify(username=session["username"])
