"""Reads CRLs by the package cryptography and verifies who signed them. Prints what it found as JSON, by the id of each."""

import json
import sys

from cryptography import x509
from cryptography.x509 import ReasonFlags

CODES = {
    ReasonFlags.key_compromise: 1,
    ReasonFlags.superseded: 4,
    ReasonFlags.remove_from_crl: 8,
}


def reason(entry):
    try:
        return CODES[entry.extensions.get_extension_for_class(x509.CRLReason).value.reason]
    except x509.ExtensionNotFound:
        return 0


def value(crl, kind):
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def read(crl):
    base = value(crl, x509.DeltaCRLIndicator)
    point = value(crl, x509.IssuingDistributionPoint)
    freshest = value(crl, x509.FreshestCRL)
    return {
        "number": str(value(crl, x509.CRLNumber).crl_number),
        "base": None if base is None else str(base.crl_number),
        "thisUpdate": int(crl.last_update_utc.timestamp()),
        "nextUpdate": int(crl.next_update_utc.timestamp()),
        "entries": [[str(entry.serial_number), int(entry.revocation_date_utc.timestamp()), reason(entry)] for entry in crl],
        "critical": sorted(one.oid.dotted_string for one in crl.extensions if one.critical),
        "points": [] if point is None else [name.value for name in point.full_name],
        "onlyUsers": point is not None and point.only_contains_user_certs,
        "freshest": [] if freshest is None else [name.value for one in freshest for name in one.full_name],
    }


cases = json.load(sys.stdin)
issuer, other = (x509.load_pem_x509_certificate(cases[name].encode()) for name in ("issuer", "other"))
found = {}
for case in cases["crls"]:
    crl = x509.load_pem_x509_crl(case["pem"].encode())
    if not crl.is_signature_valid(issuer.public_key()) or crl.is_signature_valid(other.public_key()):
        sys.exit(case["id"] + ": not by its issuer alone")
    found[case["id"]] = read(crl)
print(json.dumps(found))
