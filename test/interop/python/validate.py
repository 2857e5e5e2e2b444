"""Judges the paths of a file in the schema of x509-limbo by the package cryptography. Prints "id accepted|refused" each."""

import json
import sys
import warnings
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509 import verification as v
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

PURPOSES = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
}


def load(text):
    return x509.load_pem_x509_certificate(text.encode())


def load_other(text):
    """A certificate that somebody sent along; what cannot be read cannot help either."""
    try:
        return load(text)
    except ValueError:
        return None


def subject(peer):
    if peer["kind"] == "IP":
        return x509.IPAddress(ip_address(peer["value"]))
    return x509.DNSName(peer["value"])


def check_purpose(purpose):
    """An extension policy's check: a certificate that names purposes names this one."""

    def check(policy, certificate, extension):
        if extension is not None and purpose not in extension and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in extension:
            raise ValueError("not for this purpose")

    return check


def policies(purpose):
    """The package's own rules for authorities and servers; other leaves need only a name and the purpose."""
    usage = check_purpose(purpose)
    ca = v.ExtensionPolicy.webpki_defaults_ca().may_be_present(x509.ExtendedKeyUsage, v.Criticality.AGNOSTIC, usage)
    if purpose == ExtendedKeyUsageOID.SERVER_AUTH:
        ee = v.ExtensionPolicy.webpki_defaults_ee()
    else:
        ee = v.ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, v.Criticality.AGNOSTIC, None)
    return ca, ee.may_be_present(x509.ExtendedKeyUsage, v.Criticality.AGNOSTIC, usage)


def validate(case):
    purpose = PURPOSES[case["extended_key_usage"][0]]
    leaf = load(case["peer_certificate"])
    anchors = v.Store([load(text) for text in case["trusted_certs"]])
    others = [other for other in map(load_other, case["untrusted_intermediates"]) if other is not None]
    time = datetime.fromisoformat(case["validation_time"].replace("Z", "+00:00"))
    ca, ee = policies(purpose)
    builder = v.PolicyBuilder().store(anchors).time(time).extension_policies(ca_policy=ca, ee_policy=ee)
    peer = case["expected_peer_name"]
    if peer is not None:
        builder.build_server_verifier(subject(peer)).verify(leaf, others)
        return
    builder.build_client_verifier().verify(leaf, others)
    names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    found = [name.value for name in names if isinstance(name, x509.RFC822Name)]
    for wanted in case["expected_peer_names"]:
        if wanted["value"] not in found:
            raise ValueError("not for " + wanted["value"])


warnings.simplefilter("ignore")
for case in json.load(sys.stdin)["testcases"]:
    try:
        validate(case)
        print(case["id"], "accepted")
    except Exception as error:  # whatever the package throws is a refusal
        print(case["id"], "refused", type(error).__name__)
