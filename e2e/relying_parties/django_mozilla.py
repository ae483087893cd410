"""A relying party with mozilla-django-oidc. It renews a session with `prompt=none` and has no refresh tokens."""

import os
from socketserver import ThreadingMixIn
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIServer, make_server

import django
import requests
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

ISSUER, BASE_URL = os.environ["ISSUER"], os.environ["BASE_URL"]
discovery = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=5).json()

settings.configure(
    SECRET_KEY=os.environ["SECRET"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "accounts.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "mozilla_django_oidc.middleware.SessionRefresh",
    ],
    AUTHENTICATION_BACKENDS=[f"{__name__}.Backend"],
    LOGIN_REDIRECT_URL="/",
    LOGIN_REDIRECT_URL_FAILURE="/failed",
    LOGOUT_REDIRECT_URL="/",
    ALLOW_LOGOUT_GET_METHOD=True,
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_RP_SIGN_ALGO="ES256",
    OIDC_RP_SCOPES="openid profile",
    OIDC_USE_PKCE=True,
    OIDC_OP_AUTHORIZATION_ENDPOINT=discovery["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=discovery["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=discovery["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=discovery["jwks_uri"],
    OIDC_OP_LOGOUT_URL_METHOD=f"{__name__}.logout_url",
    OIDC_STORE_ACCESS_TOKEN=True,
    OIDC_STORE_ID_TOKEN=True,
)
django.setup()

from mozilla_django_oidc.auth import OIDCAuthenticationBackend  # noqa: E402 (needs the settings)


class Backend(OIDCAuthenticationBackend):
    """Knows accounts by `sub`, as Holdfast has no e-mail addresses."""

    def verify_claims(self, claims):
        return "sub" in claims

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        user = self.UserModel.objects.create_user(claims["sub"])
        return self.update_user(user, claims)

    def update_user(self, user, claims):
        user.first_name = claims["preferred_username"]
        user.save()
        return user


def logout_url(request):
    parameters = {
        "id_token_hint": request.session["oidc_id_token"],
        "post_logout_redirect_uri": f"{BASE_URL}/",
    }
    return f"{discovery['end_session_endpoint']}?{urlencode(parameters)}"


class Server(ThreadingMixIn, WSGIServer):
    """Answers several connections of a browser at once."""

    daemon_threads = True


def text(content):
    return HttpResponse(content, content_type="text/plain")


def index(request):
    user = request.user
    return text(f"Signed in as {user.first_name}" if user.is_authenticated else "Signed out")


def userinfo(request):
    try:
        info = Backend().get_userinfo(request.session["oidc_access_token"], None, None)
    except requests.HTTPError as error:
        return text(f"Failed: {error}")
    return text(f"Userinfo of {info['preferred_username']}")


def refresh(request):
    """Lets the session expire, so that the middleware renews it before it shows the next page."""
    request.session["oidc_id_token_expiration"] = 0
    return redirect("/renewed")


urlpatterns = [
    path("", index),
    path("login", lambda _request: redirect("oidc_authentication_init")),
    path("userinfo", userinfo),
    path("refresh", refresh),
    path("renewed", lambda _request: text("Refreshed")),
    path("failed", lambda _request: text("Failed: the provider does not confirm the login")),
    path("logout", lambda _request: redirect("oidc_logout")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]

call_command("migrate", verbosity=0)
server = make_server(
    "127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), server_class=Server
)
server.serve_forever()
