"""What the repository's own checks share: which files there are, and C++ without comments."""

import pathlib
import re
import subprocess

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def files(root):
    """Returns every file git tracks or would track, as paths relative to `root`, sorted."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
        check=True, capture_output=True).stdout.decode()
    paths = {pathlib.PurePosixPath(name) for name in listed.split("\0") if name}
    return sorted(path for path in paths if (root / path).is_file())


def without_comments(text):
    """Blanks comments and the insides of literals, keeping every newline. Include lines stay whole."""

    def blank(match):
        token = match[0]
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].lstrip().startswith("#include"):
            return token
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        quote = '"' if token.endswith('"') else "'"
        return quote + re.sub(r"[^\n]", " ", token[1:-1]) + quote

    return _TOKEN.sub(blank, text)


def module_of(path):
    """Returns "sfu/rtp" for a path below sfu/rtp; None outside of sfu and signaling."""
    parts = pathlib.PurePosixPath(path).parts
    if len(parts) >= 3 and parts[0] in ("sfu", "signaling"):
        return f"{parts[0]}/{parts[1]}"
    return None
