"""The standard endpoints with Authlib and PyJWT."""

import os

import jwt
from authlib.integrations.requests_client import OAuth2Session

origin = os.environ["ORIGIN"]
metadata_url = f"{origin}/.well-known/oauth-authorization-server"

with OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_basic",
) as session:
    metadata = session.request("GET", metadata_url, withhold_token=True).json()
    token = session.fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", scope="orders:read", resource=origin
    )
    assert token["scope"] == "orders:read", token

    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    key = keys.get_signing_key_from_jwt(token["access_token"])
    claims = jwt.decode(
        token["access_token"], key, algorithms=["EdDSA"], audience=origin, issuer=metadata["issuer"]
    )
    assert claims["sub"] == os.environ["CLIENT_ID"], claims

    told = session.introspect_token(metadata["introspection_endpoint"], token["access_token"])
    assert told.json()["active"] is True, told.text
    session.revoke_token(metadata["revocation_endpoint"], token["access_token"]).raise_for_status()
    told = session.introspect_token(metadata["introspection_endpoint"], token["access_token"])
    assert told.json() == {"active": False}, told.text

print("all checks passed")
