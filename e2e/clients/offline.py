"""An API that verifies access tokens offline, and refuses revoked ones within a second."""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import requests

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]
CREDENTIALS = (os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
# A message arrives each second; without one for this time, it is unknown what was revoked.
FRESH = 3


class Revocations:
    """What was revoked, which a thread keeps current."""

    def __init__(self):
        self.last_id = ""
        self.expiries = {}
        # What requests read, and until when it is current: replaced as a whole.
        self.known = ({}, 0)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            try:
                self.follow_once()
            except Exception as error:
                print(f"stream of revocations: {error}", flush=True)
            time.sleep(1)

    def follow_once(self):
        form = {"grant_type": "client_credentials", "scope": "revocations"}
        token = requests.post(f"{ISSUER}/oauth2/token", form, auth=CREDENTIALS, timeout=FRESH)
        token.raise_for_status()
        headers = {"Authorization": f"Bearer {token.json()['access_token']}", "Last-Event-ID": self.last_id}
        url = f"{ISSUER}/events/revocations"
        with requests.get(url, headers=headers, stream=True, timeout=FRESH) as response:
            response.raise_for_status()
            event = {}
            # One line after the other, and an empty one after each event.
            for line in response.iter_lines(chunk_size=None, decode_unicode=True):
                if line:
                    name, _, value = line.partition(":")
                    event[name] = value.strip()
                elif "data" in event:
                    self.apply(event["id"], json.loads(event["data"]))
                    event = {}

    def apply(self, event_id, message):
        if message["snapshot"]:
            # All entries follow. Until then, what is known counts as long as it is current.
            self.expiries = {}
        for entry in message["revocations"]:
            expires_at = entry.pop("expires_at")
            [revoked] = entry.items()
            self.expiries[revoked] = expires_at
        self.last_id = event_id
        if message["current"]:
            # By both clocks, as one of them may be wrong.
            now = min(message["time"], time.time())
            self.expiries = {key: expiry for key, expiry in self.expiries.items() if expiry >= now}
            self.known = (dict(self.expiries), time.monotonic() + FRESH)

    def contain(self, kid, claims):
        """Whether a token is revoked; None where that is not known."""
        expiries, current_until = self.known
        if time.monotonic() >= current_until:
            return None
        names = ("jti", "sid", "grant_id", "client_id")
        identifiers = [("kid", kid)] + [(name, claims.get(name)) for name in names]
        return any(identifier in expiries for identifier in identifiers)


keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)
revocations = Revocations()


def status(access_token):
    """200 with the claims of a valid token, 401 for any other, and 503 where that is not known."""
    try:
        header = jwt.get_unverified_header(access_token)
        key = keys.get_signing_key_from_jwt(access_token)
        claims = jwt.decode(
            access_token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER, leeway=30
        )
    except jwt.PyJWKClientConnectionError:
        return 503, {}
    except (jwt.InvalidTokenError, jwt.PyJWKClientError):
        return 401, {}
    is_revoked = revocations.contain(header["kid"], claims)
    if is_revoked is None:
        return 503, {}
    # A token that is bound to a key is worth nothing without a proof, which this API does not verify.
    is_usable = header.get("typ") == "at+jwt" and "cnf" not in claims
    return (200, claims) if is_usable and not is_revoked else (401, {})


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        code, claims = status(token) if scheme == "Bearer" else (401, {})
        name = claims.get("preferred_username", "a program")
        self.send_response(code)
        self.end_headers()
        self.wfile.write(f"orders of {name}\n".encode() if code == 200 else b"")


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Orders).serve_forever()
