"""DKIM keys made with openssl(1), and the zone that publishes them.

The public keys are derived here and not by the product: what verifies with
this zone was signed with these keys.
"""

import base64
import os
import pathlib
import secrets

from . import proc

ALGORITHMS = {
    "rsa-sha256": ("rsa", ["-algorithm", "RSA",
                           "-pkeyopt", "rsa_keygen_bits:2048"]),
    "ed25519-sha256": ("ed25519", ["-algorithm", "ED25519"]),
}


class Key:
    """A private key file and its DNS record."""

    def __init__(self, folder, domain, selector, algorithm):
        self.domain = domain
        self.selector = selector
        self.algorithm = algorithm
        self.file = pathlib.Path(folder) / f"{selector}.{domain}.pem"
        kind, options = ALGORITHMS[algorithm]
        _write_secret(self.file, proc.run(
            ["openssl", "genpkey", *options], text=False).stdout)
        self.name = f"{selector}._domainkey.{domain}"
        self.txt = f"v=DKIM1; k={kind}; p={self._public(kind)}"

    def _public(self, kind):
        der = proc.run(["openssl", "pkey", "-in", self.file, "-pubout",
                        "-outform", "DER"], text=False).stdout
        # RFC 8463: an Ed25519 key is published bare, without its SPKI frame.
        return base64.b64encode(der[-32:] if kind == "ed25519" else
                                der).decode()


def _write_secret(path, data):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)


def secret(path, number=None):
    """A file with a random key as hex digits, after its number if one is
    given: `lead-key` has none, `token-key` and `epoch-key` do."""
    text = secrets.token_hex(32) + "\n"
    _write_secret(path, (text if number is None else
                         f"{number} {text}").encode())


class Zone:
    """The keys as a name server would publish them."""

    def __init__(self, keys):
        self.records = {key.name: key.txt for key in keys}

    def txt(self, name, timeout=None):
        """dkimpy's DNS function. No record: None."""
        text = name.decode() if isinstance(name, bytes) else name
        record = self.records.get(text.rstrip(".").lower())
        return None if record is None else record.encode()
