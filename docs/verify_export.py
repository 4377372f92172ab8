#!/usr/bin/env python3
"""Checks that the lines of an export are in the log, or the audit log, as they were sealed, trusting public keys and nothing else.

    python3 verify_export.py export.ndjson --key X
    curl -s $URL/v1/audit/exports/$ID/content -H "Authorization: Bearer $TOKEN" | python3 verify_export.py --key X --seals seals.ndjson

X is the `x` of the key in /.well-known/seal-keys.json, as you wrote it down when you had no reason to doubt; give more than one
where keys have changed. With --seals, each seal must also stand in that file. Needs Python 3.8 and verify_proof.py beside it.
"""

import argparse
import json
import sys

from verify_proof import base64url, demand, sha256, signed


def position(line):
    """Of an event its sequence, of a row of the audit log its position."""
    entry = json.loads(line)
    return int(entry["sequence"] if "sequence" in entry else entry["position"])


def root(first, size, leaves, beside):
    """The root of a tree (RFC 6962) from some of its leaves, by place, and the roots of the parts that have none of them."""
    if not leaves:
        demand(beside, "a part of the tree is missing")
        return beside.pop(0)
    if size == 1:
        return leaves[0][1]
    half = 1 << (size - 1).bit_length() - 1
    low = [leaf for leaf in leaves if leaf[0] < first + half]
    left = root(first, half, low, beside)
    return sha256(b"\1", left, root(first + half, size - half, leaves[len(low):], beside))


def check_block(lines, evidence, keys, kept):
    """The lines of one block against its seal."""
    seal, body = json.loads(evidence["seal"]), evidence["seal"].rpartition(',"signature":"')[0] + "}"
    signature = base64url(seal["signature"])
    demand(any(signed(key, body.encode(), signature) for key in keys), "your key has not signed a seal")
    demand(kept is None or evidence["seal"] in kept, f"seal {seal['number']} is not in your file of seals")
    if seal["log"] == "events":
        records = [bytes.fromhex(record) for record in evidence["records"]]
        demand(len(records) == len(lines), f"seal {seal['number']} is not that of the lines before it")
        hashes = [sha256(b"\0", sha256(line), record) for line, record in zip(lines, records)]
    else:
        hashes = [sha256(b"\0", line) for line in lines]
    places = [position(line) for line in lines]
    dense = all(before < after for before, after in zip(places, places[1:]))
    demand(dense and places and seal["first"] <= places[0] and places[-1] <= seal["last"], "lines are out of place")
    beside = [bytes.fromhex(other) for other in evidence["beside"]]
    top = root(seal["first"], seal["last"] - seal["first"] + 1, list(zip(places, hashes)), beside)
    demand(top.hex() == seal["root"] and not beside, f"positions {places[0]} to {places[-1]} are not what was sealed")
    return seal


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("export", nargs="?", type=argparse.FileType("rb"), default=sys.stdin.buffer)
    arguments.add_argument("--key", required=True, action="append", help="a public key that you trust, in base64url")
    arguments.add_argument("--seals", help="a file of seals that you have kept")
    given = arguments.parse_args()
    keys = [base64url(key) for key in given.key]
    kept = set(open(given.seals, encoding="utf-8").read().splitlines()) if given.seals else None
    lines, proved, before, end = [], 0, None, None
    for line in given.export:
        demand(end is None, "there is something behind the end")
        demand(line.endswith(b"\n"), "the file was cut off")
        line = line[:-1]
        if line.startswith(b'{"seal":'):
            seal = check_block(lines, json.loads(line), keys, kept)
            if before and seal["number"] == before[0] + 1:
                demand(seal["previous"] == before[1], f"seal {seal['number']} does not follow the one before")
            before = seal["number"], sha256(json.loads(line)["seal"].encode()).hex()
            lines, proved = [], proved + len(lines)
        elif line.startswith(b'{"export":'):
            end = json.loads(line)
        else:
            lines.append(line)
    demand(end is not None, "the file was cut off")
    demand(end["records"] == proved + len(lines), f"there are to be {end['records']} lines")
    demand(not lines or position(lines[0]) > end.get("sealed_to", 0), "lines that were sealed come without their seal")
    print(f"proved: {proved} lines of positions {end['from']} to {end['to']}; not yet sealed: {len(lines)}")


if __name__ == "__main__":
    main()
