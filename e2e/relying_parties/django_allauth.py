"""A relying party with django-allauth, which keeps tokens and leaves their use to the application."""

import os
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import django
import requests
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

ISSUER = os.environ["ISSUER"]
CLIENT = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
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
        "django.contrib.messages",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    LOGIN_REDIRECT_URL="/",
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_SIGNUP_FIELDS=["username*"],
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    SOCIALACCOUNT_STORE_TOKENS=True,
    SOCIALACCOUNT_PROVIDERS={
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "SCOPE": ["openid", "profile", "offline_access"],
            "APPS": [
                {
                    "provider_id": "holdfast",
                    "name": "Holdfast",
                    "client_id": CLIENT[0],
                    "secret": CLIENT[1],
                    "settings": {"server_url": ISSUER, "token_auth_method": "client_secret_basic"},
                }
            ],
        }
    },
)
django.setup()

from allauth.socialaccount.models import SocialToken  # noqa: E402 (needs the settings)


class Server(ThreadingMixIn, WSGIServer):
    """Answers several connections of a browser at once."""

    daemon_threads = True


def text(content):
    return HttpResponse(content, content_type="text/plain")


def index(request):
    user = request.user
    return text(f"Signed in as {user.username}" if user.is_authenticated else "Signed out")


def userinfo(request):
    token = SocialToken.objects.get(account__user=request.user)
    headers = {"Authorization": f"Bearer {token.token}"}
    response = requests.get(discovery["userinfo_endpoint"], headers=headers, timeout=5)
    if not response.ok:
        return text(f"Failed: {response.headers['WWW-Authenticate']}")
    return text(f"Userinfo of {response.json()['preferred_username']}")


def refresh(request):
    token = SocialToken.objects.get(account__user=request.user)
    grant = {"grant_type": "refresh_token", "refresh_token": token.token_secret}
    response = requests.post(discovery["token_endpoint"], data=grant, auth=CLIENT, timeout=5)
    if not response.ok:
        return text(f"Failed: {response.json()['error']}")
    token.token = response.json()["access_token"]
    token.token_secret = response.json()["refresh_token"]
    token.save()
    return text("Refreshed")


urlpatterns = [
    path("", index),
    path("login", lambda _request: redirect("openid_connect_login", provider_id="holdfast")),
    path("userinfo", userinfo),
    path("refresh", refresh),
    path("accounts/", include("allauth.urls")),
]

call_command("migrate", verbosity=0)
server = make_server(
    "127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), server_class=Server
)
server.serve_forever()
