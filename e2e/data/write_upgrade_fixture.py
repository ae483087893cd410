#!/usr/bin/env python3
"""Writes a fixture of the upgrade tests (e2e/tests/e2e/upgrade) with the programs of an earlier version.

usage: write_upgrade_fixture.py DIRECTORY_OF_PROGRAMS OUTPUT_DIRECTORY

It needs redis-server. Everything in the fixture, its keys too, exists for the test alone.
"""

import base64
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PASSWORD = "correct horse battery staple"
KEY_ENCRYPTION_KEY = "nzWJ5mJ7v0qZf3Yt8kQb1sXh6cLr2dGa9uEoPiVxMwE="
SERVICE_SECRET = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u"
SECRET_KEY = "Qm9yZ2VsZG8xN3Z4TTRrTDl3UmZIMnRQYzZZc0RqQTg="
ISSUER = "https://id.example"

programs, output = map(pathlib.Path, sys.argv[1:])
data = pathlib.Path(tempfile.mkdtemp())
children = []


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command, port, **environment):
    children.append(subprocess.Popen(command, cwd=data, env={**os.environ, **environment}))
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)


def auth_command(*arguments, input=""):
    settings = {"AUTH_DATA_DIR": str(data), "AUTH_ISSUER": ISSUER, "AUTH_KEY_ENCRYPTION_KEY": KEY_ENCRYPTION_KEY}
    done = subprocess.run(
        [programs / "auth-service", *arguments], input=input, env={**os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, check=True,
    )
    return done.stdout.strip()


def send(path, body=None, **headers):
    """Returns status, headers and text of the response."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{web}{path}", body, headers)
    try:
        response = opener.open(request)
    except urllib.error.HTTPError as error:
        response = error
    return response.status, response.headers, response.read().decode()


def post_json(path, **body):
    status, _, text = send(path, json.dumps(body).encode(), content_type="application/json")
    return status, json.loads(text) if text else {}


def cookie(headers, name):
    values = [value.split(";")[0] for value in headers.get_all("set-cookie", [])]
    return next(value for value in values if value.startswith(name + "="))


def browser_login(username):
    _, headers, page = send("/login")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = urllib.parse.urlencode({"username": username, "password": PASSWORD, "csrf_token": token}).encode()
    status, headers, _ = send("/login", form, cookie=cookie(headers, "__Host-login"), sec_fetch_site="same-origin")
    assert status == 303, status
    return cookie(headers, "__Host-session")


def api_login(username):
    status, tokens = post_json("/api/login", username=username, password=PASSWORD)
    assert status == 200, tokens
    return tokens


def redis(*command):
    """Sends a command and returns the reply; bulk strings are bytes."""
    connection = socket.create_connection(("127.0.0.1", redis_port))
    arguments = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    connection.sendall(b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in arguments))
    return reply(connection.makefile("rb"))


def reply(stream):
    kind, rest = (line := stream.readline())[:1], line[1:-2]
    if kind == b"*":
        return [reply(stream) for _ in range(int(rest))]
    if kind == b"$":
        value = stream.read(int(rest))
        stream.read(2)
        return value
    return int(rest) if kind == b":" else rest.decode()


def redis_keys():
    for key in sorted(redis("KEYS", "*")):
        kind = redis("TYPE", key)
        if key.startswith(b"there:"):
            continue  # The presence key of a running instance.
        value = redis("GET", key) if kind == "string" else redis("HGETALL", key)
        value = value.hex() if kind == "string" else [item.hex() for item in value]
        yield {"key": key.hex(), "type": kind, "value": value, "ttl_ms": redis("PTTL", key)}


redis_port, grpc, web = free_port(), free_port(), free_port()
start(["redis-server", "--port", str(redis_port), "--save", "", "--appendonly", "no"], redis_port)
start(
    [programs / "auth-service"], grpc,
    AUTH_LISTEN=f"127.0.0.1:{grpc}", AUTH_OPS_LISTEN=f"127.0.0.1:{free_port()}", AUTH_DATA_DIR=str(data),
    AUTH_REDIS_URL=f"redis://127.0.0.1:{redis_port}", AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=f"{ISSUER},https://api.example",
    AUTH_KEY_ENCRYPTION_KEY=KEY_ENCRYPTION_KEY, AUTH_SERVICE_SECRET=SERVICE_SECRET, AUTH_LOG="warn",
)
start(
    [programs / "web-service"], web,
    WEB_LISTEN=f"127.0.0.1:{web}", WEB_OPS_LISTEN=f"127.0.0.1:{free_port()}", WEB_DATA_DIR=str(data),
    WEB_PUBLIC_URL=ISSUER, WEB_AUTH_URL=f"http://127.0.0.1:{grpc}", WEB_AUTH_SECRET=SERVICE_SECRET,
    WEB_SECRET_KEY=SECRET_KEY, WEB_SESSION_STORE=f"redis://127.0.0.1:{redis_port}", WEB_TLS="off",
    WEB_TRUSTED_PROXIES="127.0.0.1", WEB_LOG="warn",
)
# Tokens of the first second of a new epoch are valid only through the database.
time.sleep(2)
for name, flags in (("ada", ["--admin"]), ("bob", []), ("carol", [])):
    auth_command("user", "add", name, "--password-stdin", *flags, input=PASSWORD)
client = auth_command("client", "add", "reports", "--scope", "reports:read", "--audience", "https://api.example")
client_secret = client.split()[-1]

ada = {"cookie": browser_login("ada"), **api_login("ada")}
superseded = ada["refresh_token"]
status, refreshed = post_json("/api/refresh", refresh_token=superseded)
assert status == 200, refreshed
ada.update(refreshed)
revoked = api_login("ada")
bob = {"cookie": browser_login("bob"), **api_login("bob")}
auth_command("user", "disable", "bob")
authorization = "Basic " + base64.b64encode(f"reports:{client_secret}".encode()).decode()
form = {"content_type": "application/x-www-form-urlencoded", "authorization": authorization}
status, _, text = send("/oauth2/token", b"grant_type=client_credentials&scope=reports:read", **form)
assert status == 200, text
client_token = json.loads(text)["access_token"]
status, _, text = send("/api/logout", b"{}", content_type="application/json", authorization="Bearer " + revoked["access_token"])
assert status in (200, 204), (status, text)
for _ in range(6):
    post_json("/api/login", username="carol", password="a wrong password")
auth_command("key", "rotate")
time.sleep(1)  # A running service reads its keys five times a second.
status, _, logins = send("/api/logins", cookie=ada["cookie"])
assert status == 200, logins
status, _, jwks = send("/.well-known/jwks.json")

output.mkdir(exist_ok=True)
keys = [entry for entry in redis_keys()]
now = time.time()
for child in reversed(children[1:]):
    child.terminate()
    child.wait()
children[0].terminate()
children[0].wait()

database = sqlite3.connect(data / "auth.db")
(output / "auth.sql").write_text("\n".join(database.iterdump()) + "\n")
(output / "redis.json").write_text(json.dumps(keys, indent=1) + "\n")
fixture = {
    "unix_time": int(now),
    "issuer": ISSUER,
    "password": PASSWORD,
    "key_encryption_key": KEY_ENCRYPTION_KEY,
    "service_secret": SERVICE_SECRET,
    "web_secret_key": SECRET_KEY,
    "ada": ada,
    "superseded_refresh_token": superseded,
    "revoked_access_token": revoked["access_token"],
    "bob": bob,
    "client": {"id": "reports", "secret": client_secret, "access_token": client_token},
    "sids": sorted(login["sid"] for login in json.loads(logins)["logins"]),
    "kids": [key["kid"] for key in json.loads(jwks)["keys"]],
}
(output / "fixture.json").write_text(json.dumps(fixture, indent=1) + "\n")
