"""A relying party with idpyoidc and Flask."""

import os

from flask import Flask, Response, redirect, request, session
from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.exception import OidcServiceError
from idpyoidc.client.rp_handler import RPHandler
from idpyoidc.exception import OidcMsgError

ISSUER, BASE_URL = os.environ["ISSUER"], os.environ["BASE_URL"]

handler = RPHandler(
    BASE_URL,
    client_configs={
        ISSUER: {
            "issuer": ISSUER,
            "client_type": "oidc",
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
            "client_authn_methods": ["client_secret_basic", "bearer_header"],
            "redirect_uris": [f"{BASE_URL}/callback"],
            "preference": {
                "response_types": ["code"],
                "scopes_supported": ["openid", "profile", "offline_access"],
                "token_endpoint_auth_method": "client_secret_basic",
                "id_token_signed_response_alg": "RS256",
            },
            "add_ons": {
                "pkce": {
                    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                }
            },
        }
    },
    services={
        **DEFAULT_OIDC_SERVICES,
        "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"},
    },
    key_conf={"key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}]},
    httpc_params={"verify": os.environ["REQUESTS_CA_BUNDLE"], "timeout": 5},
)

app = Flask(__name__)
app.secret_key = os.environ["SECRET"]


def text(content, status=200):
    return Response(content, status, mimetype="text/plain")


@app.get("/")
def index():
    return text(f"Signed in as {session['username']}" if "username" in session else "Signed out")


@app.get("/login")
def login():
    return redirect(handler.begin(ISSUER))


@app.get("/callback")
def callback():
    result = handler.finalize(ISSUER, request.args.to_dict())
    if "error" in result:
        return text(f"Failed: {result['error']}", 502)
    session["state"] = result["state"]
    session["username"] = result["userinfo"]["preferred_username"]
    return redirect("/")


@app.get("/userinfo")
def userinfo():
    info = handler.get_user_info(session["state"])
    return text(f"Userinfo of {info['preferred_username']}")


@app.get("/refresh")
def refresh():
    handler.refresh_access_token(session["state"])
    return text("Refreshed")


@app.get("/logout")
def logout():
    request = handler.logout(session["state"], post_logout_redirect_uri=f"{BASE_URL}/")
    session.clear()
    return redirect(request["url"])


@app.errorhandler(OidcServiceError)
@app.errorhandler(OidcMsgError)
def failed(error):
    return text(f"Failed: {error}", 502)


app.run("127.0.0.1", int(os.environ["PORT"]))
