#!/usr/bin/env python3
"""Writes deb-src twins of this machine's apt entries for its own distribution.

Reads one-line *.list and deb822 *.sources files, keeps the entries of the main archive (its code
name, -updates and -security, component main), and writes them as source entries into --out.
Everything else about an entry, its address, keys and options, stays as the machine has it.
"""

import argparse
import pathlib
import re
import sys


def is_ours(suite, codename):
    return suite in {codename + tail for tail in ("", "-updates", "-security", "/updates")} | {
        "stable", "stable-updates", "stable-security"}


def one_line(text, codename):
    """Returns the one-line entries of `text` that qualify, as deb-src."""
    kept = []
    for line in text.splitlines():
        match = re.match(r"\s*deb(?:-src)?\s+((?:\[[^\]]*\]\s+)?)(\S+)\s+(\S+)\s+([^#]*)", line)
        if match and is_ours(match[3], codename) and "main" in match[4].split():
            kept.append(f"deb-src {match[1]}{match[2]} {match[3]} {match[4].strip()}")
    return list(dict.fromkeys(kept))


def fields_of(stanza):
    """Returns a deb822 stanza's fields, lower-cased names, in order, with their raw text."""
    fields = {}
    name = None
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += "\n" + line
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def deb822(text, codename):
    """Returns the deb822 stanzas of `text` that qualify, as deb-src."""
    kept = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = fields_of(stanza)
        if not fields.get("types") or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        suites = [suite for suite in fields.get("suites", "").split() if is_ours(suite, codename)]
        if not suites or "main" not in fields.get("components", "").split():
            continue
        fields["types"] = "deb-src"
        fields["suites"] = " ".join(suites)
        kept.append("".join(f"{name.title()}: {value}\n" for name, value in fields.items()))
    return list(dict.fromkeys(kept))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codename", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()

    lines, stanzas = [], []
    for path in args.files:
        if path.is_file() and path.suffix == ".list":
            lines += one_line(path.read_text(), args.codename)
        elif path.is_file() and path.suffix == ".sources":
            stanzas += deb822(path.read_text(), args.codename)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "fovea.list").write_text("".join(line + "\n" for line in lines))
    (args.out / "fovea.sources").write_text("\n".join(stanzas))
    return 0 if lines or stanzas else 1


if __name__ == "__main__":
    sys.exit(main())
