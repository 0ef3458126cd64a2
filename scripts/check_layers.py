#!/usr/bin/env python3
"""Checks every include, banned word and CMake link against scripts/layers.toml.

  scripts/check_layers.py [--root DIR]

Prints one line per finding, path:line: what, why; exits 1 where there is one.
"""

import argparse
import dataclasses
import pathlib
import re
import sys
import tomllib

import source_text

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
_CALL = re.compile(r"\b(fovea_module|target_link_libraries)\s*\(([^)]*)\)")
_KEYWORDS = {"DEPS", "PRIVATE_DEPS", "PUBLIC", "PRIVATE", "INTERFACE"}


@dataclasses.dataclass(frozen=True)
class Banned:
    pattern: re.Pattern
    only_in: tuple
    within: tuple
    why: str

    def applies_to(self, path):
        inside = not self.within or path.startswith(self.within)
        return inside and not path.startswith(self.only_in)


class Layers:
    """The table, ready to be asked about one file at a time."""

    def __init__(self, table):
        self.modules = {name: set(allowed) for name, allowed in table["modules"].items()}
        self.libraries = [(re.compile(name), set(modules))
                          for name, modules in table.get("libraries", {}).items()]
        self.banned = [
            Banned(re.compile(ban["pattern"]), tuple(ban["only_in"]), tuple(ban.get("within", ())),
                   ban["why"]) for ban in table.get("banned", [])]
        self._check_table()

    def _check_table(self):
        seen = set()
        for name, allowed in self.modules.items():
            unknown = allowed - self.modules.keys()
            if unknown:
                raise ValueError(f"layers.toml: {name} names unknown modules {sorted(unknown)}")
            above = allowed - seen
            if above:
                raise ValueError(f"layers.toml: {name} stands above {sorted(above)}; edges point down")
            seen.add(name)

    def check_source(self, path, text):
        """Yields findings for one C++ file of a module."""
        module = source_text.module_of(path)
        if module not in self.modules:
            yield f"{path}:1: module {module} is not in scripts/layers.toml"
            return
        for number, line in enumerate(source_text.without_comments(text).splitlines(), 1):
            where = f"{path}:{number}"
            include = _INCLUDE.match(line)
            if include:
                yield from self._check_include(where, module, include[1])
            for ban in self.banned:
                if ban.applies_to(path) and ban.pattern.search(line):
                    yield f"{where}: '{line.strip()}' is not allowed here: {ban.why}"

    def _check_include(self, where, module, included):
        other = source_text.module_of(included)
        if other is None:
            # Generated headers (protobuf) have paths of their own; anything else is relative.
            if not included.endswith((".pb.h", ".inc")):
                yield f"{where}: include \"{included}\" from the root of the repository"
        elif other != module and other not in self.modules[module]:
            yield (f"{where}: {module} may not include {other}; it may know "
                   f"{', '.join(sorted(self.modules[module])) or 'nobody'} (scripts/layers.toml)")

    def check_cmake(self, path, text):
        """Yields findings for a module's CMakeLists.txt."""
        module = source_text.module_of(path)
        if module not in self.modules:
            return
        plain = re.sub(r"#[^\n]*", "", text)
        own_target = module.replace("/", "_")
        for call in _CALL.finditer(plain):
            number = plain.count("\n", 0, call.start()) + 1
            words = [word for word in call[2].split() if word not in _KEYWORDS]
            if call[1] == "target_link_libraries":
                if words[:1] != [own_target]:
                    continue
                words = words[1:]
            for target in words:
                finding = self._check_target(module, target)
                if finding:
                    yield f"{path}:{number}: {finding}"

    def _check_target(self, module, target):
        match = re.fullmatch(r"(sfu|signaling)_([a-z0-9_]+)", target)
        if match:
            other = f"{match[1]}/{match[2]}"
            if other not in self.modules[module]:
                return f"{module} may not link {other} (scripts/layers.toml)"
            return None
        for pattern, modules in self.libraries:
            if pattern.fullmatch(target):
                if module in modules:
                    return None
                return f"{module} may not link {target}; {', '.join(sorted(modules))} may"
        return f"{target} is not in scripts/layers.toml; a new library needs an ADR"


def check(root):
    layers = Layers(tomllib.loads((root / "scripts/layers.toml").read_text()))
    findings = []
    for path in source_text.files(root):
        name = str(path)
        if source_text.module_of(name) is None or "/decisions/" in name:
            continue
        if path.suffix in (".h", ".cc"):
            findings += layers.check_source(name, (root / path).read_text())
        elif path.name == "CMakeLists.txt" and len(path.parts) == 3:
            findings += layers.check_cmake(name, (root / path).read_text())
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    findings = check(parser.parse_args().root)
    for finding in findings:
        print(finding)
    print(f"layers: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
