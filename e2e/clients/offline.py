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
        self.expiries = {}
        self.last_id = ""
        self.current_until = 0
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            try:
                self.follow_once()
            except (requests.RequestException, ValueError) as error:
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
            for line in response.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    name, _, value = line.partition(":")
                    event[name] = value.strip()
                elif "data" in event:
                    self.apply(event["id"], json.loads(event["data"]))
                    event = {}

    def apply(self, event_id, message):
        if message["snapshot"]:
            # All entries follow, and until then some are missing.
            self.current_until, self.expiries = 0, {}
        for entry in message["revocations"]:
            expires_at = entry.pop("expires_at")
            [revoked] = entry.items()
            self.expiries[revoked] = expires_at
        self.last_id = event_id
        if message["current"]:
            now = message["time"]
            # Another thread reads it: the dictionary is replaced.
            self.expiries = {key: expiry for key, expiry in self.expiries.items() if expiry >= now}
            self.current_until = time.monotonic() + FRESH

    def is_current(self):
        return time.monotonic() < self.current_until

    def contain(self, kid, claims):
        names = ("jti", "sid", "grant_id", "client_id")
        identifiers = [("kid", kid)] + [(name, claims.get(name)) for name in names]
        return any(identifier in self.expiries for identifier in identifiers)


keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)
revocations = Revocations()


def authenticate(access_token):
    """The claims of a valid token, or None."""
    try:
        header = jwt.get_unverified_header(access_token)
        key = keys.get_signing_key_from_jwt(access_token)
        claims = jwt.decode(
            access_token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER, leeway=30
        )
    except (jwt.InvalidTokenError, jwt.PyJWKClientError):
        return None
    # A token that is bound to a key is worth nothing without a proof, which this API does not verify.
    is_usable = header.get("typ") == "at+jwt" and "cnf" not in claims
    return claims if is_usable and not revocations.contain(header["kid"], claims) else None


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        claims = authenticate(token) if scheme == "Bearer" else None
        current = revocations.is_current()
        status = 503 if not current else 200 if claims else 401
        name = claims.get("preferred_username", "a program") if status == 200 else ""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"orders of {name}\n".encode() if name else b"")


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Orders).serve_forever()
