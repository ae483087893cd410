"""Calls ext_authz with the definitions of Envoy, as Envoy does."""

import os

import grpc
from envoy.service.auth.v3 import external_auth_pb2 as auth
from envoy.service.auth.v3 import external_auth_pb2_grpc as auth_grpc

channel = grpc.insecure_channel(os.environ["EXT_AUTHZ"])
stub = auth_grpc.AuthorizationStub(channel)


def check(method="GET", path="/orders", extensions=None, **headers):
    request = auth.CheckRequest()
    http = request.attributes.request.http
    http.method, http.path, http.host, http.scheme = method, path, "app.example", "https"
    for name, value in headers.items():
        http.headers[name.replace("_", "-")] = value
    for name, value in (extensions or {}).items():
        request.attributes.context_extensions[name] = value
    return stub.Check(request, timeout=2)


def is_ok(answer):
    return answer.status.code == 0 and answer.HasField("ok_response")


def sent(headers):
    return {option.header.key: option.header.value for option in headers}


def denied(answer, status):
    assert answer.status.code != 0 and answer.HasField("denied_response"), answer
    assert answer.denied_response.status.code == status, answer
    return sent(answer.denied_response.headers)


cookie, bearer = os.environ["COOKIE"], "Bearer " + os.environ["ACCESS_TOKEN"]

answer = check(cookie=f"theme=dark; {cookie}; a=b", x_auth_user="root")
assert is_ok(answer), answer
told = sent(answer.ok_response.headers)
assert told["x-auth-user"] == "ada" and told["x-auth-method"] == "cookie", told
assert told["cookie"] == "theme=dark; a=b", told

# None of our cookies is passed on, however it is written, and all others are; nor is what only looks like who it is.
ours = f"x__Host-session=1; {cookie}; __Host-known=a; __Host-login=b; __Host-session-proof=c; __Host-attempt=d; __Host-trusted=e"
answer = check(cookie=f"{ours}; theme=dünn; __host-SESSION=d", **{"x.auth.user": "root", "x-auth-anything": "root"})
assert is_ok(answer), answer
assert sent(answer.ok_response.headers)["cookie"] == "theme=dünn", answer
assert {"x.auth.user", "x-auth-anything"} <= set(answer.ok_response.headers_to_remove), answer
assert "cookie" in check(cookie=cookie).ok_response.headers_to_remove

answer = check(authorization=bearer)
assert is_ok(answer) and sent(answer.ok_response.headers)["x-auth-method"] == "bearer", answer
assert "authorization" in answer.ok_response.headers_to_remove
# What is not for us is the application's own.
assert "authorization" not in check(cookie=cookie, authorization="Basic YTpi").ok_response.headers_to_remove

# Nobody, a program and a browser.
assert denied(check(), 401)["x-auth-user"] == ""
location = denied(check(sec_fetch_mode="navigate"), 303)["location"]
assert "/login?next=%2Fcontinue" in location, location

# What a foreign page may not do, and what a route wants.
denied(check(method="POST", cookie=cookie), 403)
denied(check(method="POST", cookie=cookie, sec_fetch_site="cross-site"), 403)
assert is_ok(check(method="POST", cookie=cookie, sec_fetch_site="same-origin"))
denied(check(authorization=bearer, extensions={"scope": "orders:read"}), 403)
denied(check(authorization=bearer, extensions={"max_age": "soon"}), 403)
denied(check(authorization=bearer, extensions={"max_age": "0"}), 401)
denied(check(authorization=bearer, extensions={"scopes": "profile"}), 403)
denied(check(cookie=cookie, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", sec_fetch_site="same-site"), 403)

# What has ended.
denied(check(authorization="Bearer " + os.environ["ENDED_TOKEN"]), 401)

# What is missing denies.
denied(stub.Check(auth.CheckRequest(), timeout=2), 403)

print("all checks passed")
