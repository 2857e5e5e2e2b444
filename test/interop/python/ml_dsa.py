"""Judges ML-DSA objects by OpenSSL, through the package cryptography. Reads and prints JSON, one answer a question."""

import base64
import json
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization


def holds(key, signature, message):
    try:
        key.verify(signature, message)
        return True
    except InvalidSignature:
        return False


def certificate(question):
    """Says if the issuer's key signed a certificate, and returns the certificate's own key."""
    found = x509.load_pem_x509_certificate(question["pem"].encode())
    issuer = x509.load_pem_x509_certificate(question["issuer"].encode()).public_key()
    return {"holds": holds(issuer, found.signature, found.tbs_certificate_bytes), "spki": spki(found.public_key())}


def request(question):
    """Says if a request is signed by its own key."""
    found = x509.load_pem_x509_csr(question["pem"].encode())
    key = found.public_key()
    return {"holds": holds(key, found.signature, found.tbs_certrequest_bytes), "spki": spki(key)}


def private_key(question):
    """Reads a private key, signs with it, and writes it again."""
    key = serialization.load_pem_private_key(question["pem"].encode(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    signature = key.sign(base64.b64decode(question["message"]))
    return {"spki": spki(key.public_key()), "pem": pem, "signature": base64.b64encode(signature).decode()}


def signature(question):
    """Says if a bare signature is by a key."""
    key = serialization.load_der_public_key(base64.b64decode(question["spki"]))
    return {"holds": holds(key, base64.b64decode(question["signature"]), base64.b64decode(question["message"]))}


def spki(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


ANSWERS = {"certificate": certificate, "request": request, "key": private_key, "signature": signature}

print(json.dumps([ANSWERS[question["kind"]](question) for question in json.load(sys.stdin)]))
