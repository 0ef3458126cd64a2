#!/usr/bin/env python3
"""Rules that neither a compiler nor clang-format checks. Each finding says what to do instead.

  scripts/tidy.py [--root DIR] [--update-ratchet]

Prints path:line: finding; exits 1 where there is one. Functions longer than the limit are listed in
scripts/tidy_ratchet.txt with their length: none may be added and none may grow. One that got shorter
is recorded by --update-ratchet, which refuses to raise anything.
"""

import argparse
import pathlib
import re
import sys

import source_text

MAX_FILE_LINES = 900
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100  # of C++, where clang-format does it for you
MAX_COLUMNS_ELSEWHERE = 120
LIMITS = "sfu/core/limits.h"
UNTESTED_LIMITS = {}  # those whose full case no test can bring about: name -> why

CODE = {".h", ".cc", ".py", ".sh", ".mjs", ".cmake"}
# Lines that cannot be broken: addresses and include paths.
_UNBREAKABLE = re.compile(r"https?://\S{40,}|^\s*#\s*include")
_TODO = re.compile(r"\bTODO\b(?!\(\d+\))")
_FIXME = re.compile(r"\bFIXM[E]\b")
# Split so that this file does not find itself.
_MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:wor[k]/|roo[t]/|home/(?!user\b)\w+/|tm[p]/bash_jobs)")
_PARSER = re.compile(
    r"\bParse\w*\(\s*(?:ByteSpan|BytesView|std::span<\s*const std::(?:uint8_t|byte)|std::string_view)")
_PARSER_MODULES = ("sfu/rtp/", "sfu/stun/", "sfu/sctp/", "signaling/wire/")
_CONTROL = re.compile(r"\b(?:if|for|while|switch|catch|return|sizeof|decltype|alignas)\s*$")
_INIT_LIST = re.compile(r"\)[^;{}]*(?<!:):(?!:)[^;]*[\w>]\s*$", re.DOTALL)
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum)\b[^()=]*$", re.DOTALL)
_LIMIT = re.compile(r"^inline constexpr [\w:]+ (k\w+) =", re.MULTILINE)


def functions(text):
    """Yields (name, first line, length of the body in lines) of each C++ function in `text`."""
    plain = source_text.without_comments(text)
    plain = re.sub(r"^\s*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m[0]), plain,
                   flags=re.MULTILINE)
    stack = []  # one entry per open brace: (kind, name, line)
    head_start = 0
    line = 1
    for index, char in enumerate(plain):
        if char == "\n":
            line += 1
        elif char == "{":
            head = plain[head_start:index]
            kind, name = _classify(head, stack)
            stack.append((kind, name, line))
            if kind != "init":
                head_start = index + 1
        elif char == "}" and stack:
            kind, name, first = stack.pop()
            if kind == "function":
                yield name, first, line - first + 1
            if kind != "init":
                head_start = index + 1
        elif char == ";" and not (stack and stack[-1][0] == "init"):
            head_start = index + 1


def _classify(head, stack):
    if any(kind == "function" for kind, _, _ in stack):
        return "block", None
    if stack and stack[-1][0] == "init":
        return "init", None
    if _SCOPE.search(head) and "(" not in head:
        return "scope", None
    if "(" not in head or re.search(r"=\s*$", head):
        # extern "C" { and the like open a scope; a braced initialiser does no harm as one.
        return "scope", None
    if _INIT_LIST.search(head):
        return "init", None
    match = re.search(r"((?:[\w~]+(?:<[^()]*>)?::)*(?:operator\s*[^\s\w(]+|[\w~]+))\s*\(", head)
    if not match or _CONTROL.search(match[1]):
        return "block", None
    name = match[1]
    if re.fullmatch(r"TEST(_F|_P)?|TYPED_TEST|BENCHMARK\w*", name):
        name = re.sub(r"\s+", " ", head[match.start():].strip())
    return "function", name


def check_lines(path, text):
    """Yields findings that need one line only."""
    limit = MAX_COLUMNS if path.endswith((".h", ".cc")) else MAX_COLUMNS_ELSEWHERE
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        if len(line) > limit and not _UNBREAKABLE.search(line):
            yield f"{where}: {len(line)} columns; break the line at {limit} (scripts/check --fix)"
        if _FIXME.search(line):
            yield f"{where}: FIXM" + "E cannot be merged; fix it or open an issue and write TODO(its number)"
        if _TODO.search(line) and not line.lstrip().startswith(("_TODO", "yield", '"""')):
            yield f"{where}: write TODO(number of the issue), or do it now"


def check_paths(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if _MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine; derive it, or name it by a variable"


def opens_elsewhere(path, names):
    """Says whether a .cc may leave its purpose to its header, or to the module it tests."""
    return path.endswith("_test.cc") or (path.endswith(".cc") and path[:-3] + ".h" in names)


def check_shape(path, text, names=()):
    """Yields findings about a C++ file as a whole."""
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}:1: {lines} lines; split the concept at {MAX_FILE_LINES} at the latest"
    if not text.startswith(("//", "/*")) and not opens_elsewhere(path, names):
        yield f"{path}:1: open with what this file is, the section of its standard, and its thread"
    if path.endswith(".h") and "#pragma once" not in text:
        guard = re.search(r"^#ifndef (\w+)\n#define \1\b", text, re.MULTILINE)
        if not guard:
            yield f"{path}:1: header without #pragma once"


def long_functions(path, text):
    """Returns {"path name": lines} of the functions over the limit, with their first lines."""
    found = {}
    for name, first, length in functions(text):
        if length > MAX_FUNCTION_LINES:
            found[f"{path} {name}"] = (length, first)
    return found


def read_ratchet(text):
    entries = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            length, key = line.split(" ", 1)
            entries[key] = int(length)
    return entries


def check_ratchet(found, allowed):
    """Yields a finding for each long function that is new or grew, and each entry that is stale."""
    for key, (length, first) in sorted(found.items()):
        path, name = key.split(" ", 1)
        if key not in allowed:
            yield (f"{path}:{first}: {name} has {length} lines; split it at {MAX_FUNCTION_LINES}: "
                   "ifs up, fors down")
        elif length > allowed[key]:
            yield f"{path}:{first}: {name} grew from {allowed[key]} to {length} lines; it may only shrink"
    for key, length in sorted(allowed.items()):
        if key not in found or found[key][0] < length:
            yield (f"scripts/tidy_ratchet.txt:1: {key} is no longer {length} lines long: "
                   "scripts/tidy.py --update-ratchet")


def fuzzed_files(sources):
    """Returns what the fuzz bodies reach: the files they include, and what those and their .cc do."""
    reached = set()
    todo = [path for path in sources if path.startswith("tests/fuzz/") and path.endswith("_fuzz.cc")]
    while todo:
        path = todo.pop()
        if path in reached or path not in sources:
            continue
        reached.add(path)
        todo += re.findall(r'^#include "([^"]+)"', sources[path], re.MULTILINE)
        if path.endswith(".h"):
            todo.append(path[:-2] + ".cc")
    return reached


def check_fuzzing(sources, names):
    """Yields parsers that no fuzz body reaches, and fuzz bodies without seeds."""
    reached = fuzzed_files(sources)
    for path, text in sources.items():
        if path.startswith(_PARSER_MODULES) and path.endswith(".h") and path not in reached:
            match = _PARSER.search(text)
            if match:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: a parser that no tests/fuzz/*_fuzz.cc includes"
    for path in sources:
        match = re.fullmatch(r"tests/fuzz/(\w+)_fuzz\.cc", path)
        if match and not any(name.startswith(f"tests/fuzz/corpus/{match[1]}/") for name in names):
            yield f"{path}:1: no seeds in tests/fuzz/corpus/{match[1]}/"


def check_limits(sources, untested):
    """Yields limits that no test names, and exceptions that are none (any more)."""
    header = source_text.without_comments(sources.get(LIMITS, ""))
    defined = {match[1]: header.count("\n", 0, match.start()) + 1 for match in _LIMIT.finditer(header)}
    tested = set()
    for path, text in sources.items():
        if path.startswith("tests/"):
            tested.update(re.findall(r"\blimits::(k\w+)", source_text.without_comments(text)))
    for name, line in defined.items():
        if name not in tested and name not in untested:
            yield f"{LIMITS}:{line}: {name} is named by no test"
    for name in untested:
        if name not in defined:
            yield f"scripts/tidy.py:1: UNTESTED_LIMITS: there is no {name}; take it out"
        elif name in tested:
            yield f"scripts/tidy.py:1: UNTESTED_LIMITS: a test names {name}; take it out"


def check_architecture(root, names):
    """Yields modules that ARCHITECTURE.md does not mention."""
    document = root / "ARCHITECTURE.md"
    text = document.read_text() if document.is_file() else ""
    modules = sorted({module for module in map(source_text.module_of, names)
                      if module and module != "sfu/decisions"})
    for module in modules:
        if not re.search(rf"(?<![\w/]){module}(?!\w)|`{module.split('/')[1]}`", text):
            yield f"ARCHITECTURE.md:1: does not mention {module}: what is it, and who calls it?"


def is_text(data):
    return b"\0" not in data[:8000]


def check(root, update_ratchet=False):
    findings, sources, long_ones = [], {}, {}
    paths = source_text.files(root)
    names = {str(path) for path in paths}
    for path in paths:
        name = str(path)
        data = (root / path).read_bytes()
        if "/corpus/" in name or "/golden/" in name or not is_text(data):
            continue
        text = data.decode("utf-8", "replace")
        if path.name != "package-lock.json":
            findings += check_paths(name, text)
        if path.suffix in CODE or text.startswith("#!"):
            findings += check_lines(name, text)
        if path.suffix in (".h", ".cc"):
            sources[name] = text
            findings += check_shape(name, text, names)
            long_ones |= long_functions(name, text)
    findings += check_fuzzing(sources, names)
    findings += check_limits(sources, UNTESTED_LIMITS)
    findings += check_architecture(root, names)

    ratchet = root / "scripts/tidy_ratchet.txt"
    allowed = read_ratchet(ratchet.read_text()) if ratchet.is_file() else {}
    if update_ratchet:
        allowed = {key: min(length, long_ones[key][0]) for key, length in allowed.items()
                   if key in long_ones}
        ratchet.write_text("# Functions over the limit, and their length. It may only fall.\n" + "".join(
            f"{length} {key}\n" for key, length in sorted(allowed.items())))
    findings += check_ratchet(long_ones, allowed)
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--update-ratchet", action="store_true")
    args = parser.parse_args()
    findings = check(args.root, args.update_ratchet)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
