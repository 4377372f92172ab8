#!/usr/bin/env python3
"""Checks that one event is in the log as it was sealed, trusting a public key and nothing else.

    curl -s $URL/v1/audit/proofs/4711 -H "Authorization: Bearer $TOKEN" | python3 verify_proof.py --key X
    python3 verify_proof.py proof.json --key X --seals seals.ndjson

X is the `x` of the key in /.well-known/seal-keys.json, as you wrote it down when you had no reason to doubt. With --seals, the
seal must also stand in that file. Needs Python 3.8 and nothing else: Ed25519 is checked here (RFC 8032, section 6).
"""

import argparse
import base64
import hashlib
import json
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    product = (0, 1, 1, 0)
    while number:
        if number & 1:
            product = add(product, point)
        point, number = add(point, point), number >> 1
    return product


def point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def signed(key, message, signature):
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    left = times(scalar, base)
    right = add(point(signature[:32]), times(int.from_bytes(digest, "little") % ORDER, point(key)))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def climb(leaf, index, size, path):
    """From a leaf to the root: RFC 9162, section 2.1.3.2."""
    at, last, node = index, size - 1, leaf
    for beside in path:
        demand(last > 0, "the path is too long")
        if at & 1 or at == last:
            node = sha256(b"\1", beside, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1", node, beside)
        at, last = at >> 1, last >> 1
    demand(last == 0, "the path is too short")
    return node


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def demand(holds, otherwise):
    if not holds:
        sys.exit(f"NOT PROVED: {otherwise}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("proof", nargs="?", type=argparse.FileType(encoding="utf-8"), default=sys.stdin)
    arguments.add_argument("--key", required=True, help="the public key that you trust, in base64url")
    arguments.add_argument("--seals", help="a file of seals that you have kept")
    given = arguments.parse_args()
    proof = json.load(given.proof)
    seal, envelope = json.loads(proof["seal"]), json.loads(proof["envelope"])
    body = proof["seal"].rpartition(',"signature":"')[0] + "}"
    demand(signed(base64url(given.key), body.encode(), base64url(seal["signature"])), "your key has not signed the seal")
    if given.seals:
        with open(given.seals, encoding="utf-8") as kept:
            demand(proof["seal"] in kept.read().splitlines(), f"the seal is not in {given.seals}")
    index, size = int(envelope["sequence"]) - seal["first"], seal["last"] - seal["first"] + 1
    demand(seal["log"] == "events" and 0 <= index < size, "the seal is not that of this event")
    leaf = sha256(b"\0", sha256(proof["envelope"].encode()), bytes.fromhex(proof["record_hash"]))
    root = climb(leaf, index, size, [bytes.fromhex(beside) for beside in proof["audit_path"]])
    demand(root.hex() == seal["root"], "the event is not what was sealed")
    print(f"proved: {envelope['type']} at position {int(envelope['sequence'])}, sealed {seal['time']}")


if __name__ == "__main__":
    main()
