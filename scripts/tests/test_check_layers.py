"""check_layers.py finds what its table forbids, and nothing else."""

import pathlib
import sys
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_layers  # noqa: E402

TABLE = r"""
[modules]
"sfu/core" = []
"sfu/rtp" = ["sfu/core"]
"sfu/io" = ["sfu/core", "sfu/rtp"]
[libraries]
"uv" = ["sfu/io"]
[[banned]]
pattern = '#include <uv\.h>'
only_in = ["sfu/io/"]
why = "no I/O"
[[banned]]
pattern = '\bvirtual\b'
within = ["sfu/rtp/"]
only_in = []
why = "plain values"
"""


def layers():
    return check_layers.Layers(tomllib.loads(TABLE))


def source(path, text):
    return list(layers().check_source(path, text))


def cmake(path, text):
    return list(layers().check_cmake(path, text))


class Includes(unittest.TestCase):
    def test_a_module_may_include_what_the_table_lists(self):
        self.assertEqual([], source("sfu/rtp/a.cc", '#include "sfu/core/time.h"\n#include "sfu/rtp/a.h"\n'))

    def test_an_upward_include_is_found_with_its_line(self):
        findings = source("sfu/rtp/a.cc", '// x\n#include "sfu/io/port.h"\n')
        self.assertEqual(1, len(findings))
        self.assertTrue(findings[0].startswith("sfu/rtp/a.cc:2: sfu/rtp may not include sfu/io"))

    def test_a_nested_folder_belongs_to_its_module(self):
        self.assertEqual(1, len(source("sfu/rtp/rtcp/nack.cc", '#include "sfu/io/port.h"\n')))

    def test_an_include_in_a_comment_is_not_one(self):
        self.assertEqual([], source("sfu/rtp/a.cc", '// #include "sfu/io/port.h"\n'))

    def test_a_relative_include_is_found(self):
        self.assertEqual(1, len(source("sfu/rtp/a.cc", '#include "a.h"\n')))

    def test_a_generated_header_is_not_relative(self):
        self.assertEqual([], source("sfu/rtp/a.cc", '#include "livekit_models.pb.h"\n'))

    def test_an_unknown_module_is_found(self):
        self.assertIn("not in scripts/layers.toml", source("sfu/novel/a.cc", "")[0])


class Bans(unittest.TestCase):
    def test_a_banned_header_is_found_outside_of_its_places(self):
        self.assertEqual(1, len(source("sfu/rtp/a.cc", "#include <uv.h>\n")))
        self.assertEqual([], source("sfu/io/a.cc", "#include <uv.h>\n"))

    def test_a_ban_within_a_module_holds_there_only(self):
        self.assertEqual(1, len(source("sfu/rtp/a.h", "virtual void F();\n")))
        self.assertEqual([], source("sfu/core/a.h", "virtual void F();\n"))

    def test_comments_and_strings_are_not_code(self):
        text = '/* virtual\n virtual */ const char* a = "virtual";  // virtual\n'
        self.assertEqual([], source("sfu/rtp/a.cc", text))

    def test_digit_separators_do_not_open_literals(self):
        self.assertEqual(1, len(source("sfu/rtp/a.h", "int a = 1'000; virtual int B(); int c = 2'000;\n")))


class Links(unittest.TestCase):
    def test_listed_links_pass(self):
        self.assertEqual([], cmake("sfu/io/CMakeLists.txt", "fovea_module(DEPS sfu_core sfu_rtp PRIVATE_DEPS uv)"))

    def test_an_upward_link_is_found(self):
        self.assertEqual(1, len(cmake("sfu/rtp/CMakeLists.txt", "\nfovea_module(DEPS sfu_core sfu_io)")))

    def test_a_library_of_another_module_is_found(self):
        self.assertIn("sfu/io may", cmake("sfu/rtp/CMakeLists.txt", "fovea_module(PRIVATE_DEPS uv)")[0])

    def test_an_unknown_library_is_found(self):
        self.assertIn("needs an ADR", cmake("sfu/io/CMakeLists.txt", "fovea_module(DEPS curl)")[0])

    def test_links_added_beside_the_module_are_seen(self):
        text = "fovea_module(DEPS sfu_core)\ntarget_link_libraries(sfu_rtp PUBLIC sfu_io)\n"
        self.assertEqual(1, len(cmake("sfu/rtp/CMakeLists.txt", text)))


class TheTable(unittest.TestCase):
    def test_an_edge_upwards_is_refused(self):
        with self.assertRaisesRegex(ValueError, "edges point down"):
            check_layers.Layers({"modules": {"sfu/a": ["sfu/b"], "sfu/b": []}})

    def test_an_unknown_module_is_refused(self):
        with self.assertRaisesRegex(ValueError, "unknown"):
            check_layers.Layers({"modules": {"sfu/a": ["sfu/b"]}})

    def test_ours_loads_and_names_every_module(self):
        ours = check_layers.Layers(tomllib.loads((ROOT / "scripts/layers.toml").read_text()))
        for parent in ("sfu", "signaling"):
            for folder in (ROOT / parent).iterdir():
                if (folder / "CMakeLists.txt").is_file():
                    self.assertIn(f"{parent}/{folder.name}", ours.modules)


if __name__ == "__main__":
    unittest.main()
