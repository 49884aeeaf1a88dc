"""A passkey of the tests: answers a ceremony as a phone does, without one."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

HOST = "testserver"
ORIGIN = f"https://{HOST}"
FLAG = AuthenticatorData.FLAG


@dataclass
class Passkey:
    """One key for one account. `verifies` says whether it asks who holds it."""

    verifies: bool = True
    origin: str = ORIGIN
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    secret: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    holder: str = ""  # the account's handle, as it was told at its creation

    def _data(self, **more) -> AuthenticatorData:
        flags = FLAG.UP | (FLAG.UV if self.verifies else 0) | (FLAG.AT if more else 0)
        return AuthenticatorData.create(hashlib.sha256(HOST.encode()).digest(), flags, 0, **more)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin}
        return json.dumps(said).encode()

    def create(self, options: dict) -> str:
        """The answer to the options of a registration."""
        asked = options["publicKey"]
        self.holder = asked["user"]["id"]
        public = ES256.from_cryptography_key(self.secret.public_key())
        data = self._data(credential_data=AttestedCredentialData.create(bytes(16), self.id, public))
        attestation = AttestationObject.create("none", data, {})
        return self._answer(
            clientDataJSON=self._client_data("create", asked["challenge"]),
            attestationObject=bytes(attestation),
        )

    def get(self, options: dict) -> str:
        """The answer to the options of a sign-in."""
        said = self._client_data("get", options["publicKey"]["challenge"])
        data = bytes(self._data())
        signed = data + hashlib.sha256(said).digest()
        return self._answer(
            clientDataJSON=said,
            authenticatorData=data,
            signature=self.secret.sign(signed, ec.ECDSA(SHA256())),
            userHandle=websafe_decode(self.holder),
        )

    def _answer(self, **parts: bytes) -> str:
        key = websafe_encode(self.id)
        response = {name: websafe_encode(part) for name, part in parts.items()}
        return json.dumps({
            "id": key, "rawId": key, "type": "public-key", "response": response,
            "clientExtensionResults": {"credProps": {"rk": True}},
        })  # fmt: skip
