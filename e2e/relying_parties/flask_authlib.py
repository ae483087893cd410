"""A relying party with Authlib and Flask."""

import os
import secrets

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, Response, redirect, session
from requests import HTTPError

BASE_URL = os.environ["BASE_URL"]

app = Flask(__name__)
app.secret_key = os.environ["SECRET"]
holdfast = OAuth(app).register(
    "holdfast",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile offline_access", "code_challenge_method": "S256"},
)
# Tokens stay on the server, as the session cookie of Flask can be read in the browser.
tokens = {}


def text(content, status=200):
    return Response(content, status, mimetype="text/plain")


@app.get("/")
def index():
    return text(f"Signed in as {session['username']}" if "username" in session else "Signed out")


@app.get("/login")
def login():
    return holdfast.authorize_redirect(f"{BASE_URL}/callback")


@app.get("/callback")
def callback():
    token = holdfast.authorize_access_token()
    session["id"] = secrets.token_urlsafe()
    session["username"] = token["userinfo"]["preferred_username"]
    tokens[session["id"]] = token
    return redirect("/")


@app.get("/userinfo")
def userinfo():
    info = holdfast.userinfo(token=tokens[session["id"]])
    return text(f"Userinfo of {info['preferred_username']}")


@app.get("/refresh")
def refresh():
    token = tokens[session["id"]]
    refreshed = holdfast.fetch_access_token(
        grant_type="refresh_token", refresh_token=token["refresh_token"]
    )
    tokens[session["id"]] = {**token, **refreshed}
    return text("Refreshed")


@app.get("/logout")
def logout():
    id_token = tokens.pop(session["id"])["id_token"]
    session.clear()
    return holdfast.logout_redirect(f"{BASE_URL}/", id_token)


@app.errorhandler(OAuthError)
@app.errorhandler(HTTPError)
def failed(error):
    """The login has ended: the person has to sign in again."""
    return text(f"Failed: {error}", 502)


app.run("127.0.0.1", int(os.environ["PORT"]))
