"""Authenticators of soft-webauthn and fido2, and fido2 as a relying party. One JSON object per line in, one out."""

import json
import os
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from fido2 import cose, features
from fido2.server import Fido2Server
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
)
from soft_webauthn import SoftWebauthnDevice

features.webauthn_json_mapping.enabled = True

FLAG = AuthenticatorData.FLAG


class Soft:
    """The device of soft-webauthn: ES256, no user verification, a counter."""

    def __init__(self):
        self.device = SoftWebauthnDevice()

    def create(self, options, origin):
        options["challenge"] = websafe_decode(options["challenge"])
        options["user"]["id"] = websafe_decode(options["user"]["id"])
        return encoded(self.device.create({"publicKey": options}, origin))

    def get(self, options, origin):
        options["challenge"] = websafe_decode(options["challenge"])
        return encoded(self.device.get({"publicKey": options}, origin))


class Built:
    """A device made of the types of fido2: EdDSA or RS256, with user verification and an extension output, without a counter."""

    flags = FLAG.UP | FLAG.UV | FLAG.BE | FLAG.BS

    def __init__(self, algorithm):
        self.id = os.urandom(64)
        if algorithm == -8:
            self.key = ed25519.Ed25519PrivateKey.generate()
            self.cose = cose.EdDSA.from_cryptography_key(self.key.public_key())
            self.sign = self.key.sign
        else:
            self.key = rsa.generate_private_key(65537, 2048)
            self.cose = cose.RS256.from_cryptography_key(self.key.public_key())
            self.sign = lambda data: self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def create(self, options, origin):
        self.user = options["user"]["id"]
        self.rp_id_hash = sha256(options["rp"]["id"].encode())
        client_data = CollectedClientData.create("webauthn.create", options["challenge"], origin)
        attested = AttestedCredentialData.create(bytes(range(16)), self.id, self.cose)
        data = AuthenticatorData.create(
            self.rp_id_hash, self.flags | FLAG.AT | FLAG.ED, 0, attested, {"credProtect": 2}
        )
        attestation = AttestationObject.create("none", data, {})
        return self.response(clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options, origin):
        client_data = CollectedClientData.create("webauthn.get", options["challenge"], origin)
        data = AuthenticatorData.create(self.rp_id_hash, self.flags, 0)
        signature = self.sign(data + client_data.hash)
        response = self.response(clientDataJSON=client_data, authenticatorData=data, signature=signature)
        response["response"]["userHandle"] = self.user
        return response

    def response(self, **members):
        members = {name: websafe_encode(value) for name, value in members.items()}
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": members,
            "clientExtensionResults": {},
        }


def encoded(value):
    """Byte strings in base64url; the `id` of soft-webauthn is one with padding."""
    if isinstance(value, dict):
        result = {name: encoded(member) for name, member in value.items()}
        if "rawId" in result:
            result["id"] = result["rawId"]
            result["clientExtensionResults"] = {}
        return result
    return websafe_encode(value) if isinstance(value, bytes) else value


def verdict(request):
    """Whether fido2 accepts a registration, or a registration and an authentication after it."""
    origins = request["origins"]
    server = Fido2Server(
        PublicKeyCredentialRpEntity("Example", request["rpId"]), verify_origin=lambda origin: origin in origins
    )
    state = {"challenge": request["challenge"], "user_verification": "required"}
    try:
        data = server.register_complete(state, request["registration"])
        if "authentication" in request:
            server.authenticate_complete(state, [data.credential_data], request["authentication"])
    except Exception as error:
        return {"verified": False, "error": f"{type(error).__name__}: {error}"}
    return {"verified": True}


devices = {}
for line in sys.stdin:
    request = json.loads(line)
    match request["act"]:
        case "create":
            algorithm = request["options"]["pubKeyCredParams"][0]["alg"]
            devices[algorithm] = Soft() if algorithm == -7 else Built(algorithm)
            answer = devices[algorithm].create(request["options"], request["origin"])
        case "get":
            answer = devices[request["algorithm"]].get(request["options"], request["origin"])
        case "verify":
            answer = verdict(request)
    print(json.dumps(answer), flush=True)
