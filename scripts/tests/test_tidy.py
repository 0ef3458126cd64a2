"""tidy.py finds what it says it finds."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import tidy  # noqa: E402


def long_body(lines):
    return "{\n" + "  F();\n" * (lines - 2) + "}\n"


class Functions(unittest.TestCase):
    def names(self, text):
        return [(name, length) for name, _, length in tidy.functions(text)]

    def test_a_free_function(self):
        self.assertEqual([("F", 3)], self.names("int F(int a) {\n  return a;\n}\n"))

    def test_methods_in_classes_and_namespaces(self):
        text = "namespace a {\nclass B final : public C {\n public:\n  int D() const override { return 1; }\n};\n}\n"
        self.assertEqual([("D", 1)], self.names(text))

    def test_qualified_names_and_operators(self):
        text = "bool A::B::operator==(const A& a) const {\n}\nA::~A() {}\n"
        self.assertEqual([("A::B::operator==", 2), ("A::~A", 1)], self.names(text))

    def test_a_constructor_with_braced_members(self):
        text = "A::A(int b) : b_{b}, c_(b), d_{} {\n  F();\n}\nint G() { return 1; }\n"
        self.assertEqual([("A::A", 3), ("G", 1)], self.names(text))

    def test_control_flow_and_lambdas_belong_to_their_function(self):
        text = "void F() {\n  if (a) {\n    b([&](int c) {\n    });\n  }\n}\n"
        self.assertEqual([("F", 6)], self.names(text))

    def test_braces_in_text_do_not_count(self):
        text = "void F() {\n  g('{', \"{{\");  // {\n  /* { */\n}\n"
        self.assertEqual([("F", 4)], self.names(text))

    def test_initialisers_are_not_functions(self):
        text = "constexpr std::array kA = {1, 2};\nconst B kB{F(1)};\nint F() { return 1; }\n"
        self.assertEqual([("F", 1)], self.names(text))

    def test_tests_are_named_whole(self):
        self.assertEqual([("TEST(A, B)", 2)], self.names("TEST(A,\n     B) {\n}\n"))

    def test_macros_do_not_unbalance(self):
        text = "#define M(x) \\\n  if (x) {\n#define N }\nint F() { return 1; }\n"
        self.assertEqual([("F", 1)], self.names(text))


class Ratchet(unittest.TestCase):
    def test_a_new_long_function_is_found(self):
        found = tidy.long_functions("a.cc", "void F() " + long_body(71))
        self.assertEqual({"a.cc F": (71, 1)}, found)
        self.assertEqual(1, len(list(tidy.check_ratchet(found, {}))))

    def test_the_limit_itself_passes(self):
        self.assertEqual({}, tidy.long_functions("a.cc", "void F() " + long_body(70)))

    def test_a_listed_function_may_stay_but_not_grow(self):
        self.assertEqual([], list(tidy.check_ratchet({"a.cc F": (80, 1)}, {"a.cc F": 80})))
        self.assertIn("grew", list(tidy.check_ratchet({"a.cc F": (81, 1)}, {"a.cc F": 80}))[0])

    def test_a_stale_entry_is_found(self):
        self.assertIn("update-ratchet", list(tidy.check_ratchet({}, {"a.cc F": 80}))[0])

    def test_the_file_reads_back(self):
        self.assertEqual({"a.cc TEST(A, B)": 80}, tidy.read_ratchet("# x\n80 a.cc TEST(A, B)\n"))


class Lines(unittest.TestCase):
    def findings(self, text, path="a.cc"):
        return list(tidy.check_lines(path, text))

    def test_a_long_line(self):
        self.assertEqual(1, len(self.findings("x" * 101)))
        self.assertEqual([], self.findings("x" * 100))

    def test_an_address_cannot_be_broken(self):
        self.assertEqual([], self.findings("// https://" + "x" * 100))

    def test_unfinished_work_needs_an_issue(self):
        self.assertEqual(1, len(self.findings("// TO" + "DO: later")))
        self.assertEqual([], self.findings("// TO" + "DO(12): later"))
        self.assertEqual(1, len(self.findings("// FIX" + "ME")))

    def test_a_path_of_one_machine(self):
        self.assertEqual(1, len(list(tidy.check_paths("a.sh", "cd /ro" + "ot/x"))))
        self.assertEqual(1, len(list(tidy.check_paths("a.sh", "cd /wo" + "rk/x"))))
        self.assertEqual([], list(tidy.check_paths("a.sh", "cd $HOME/wo" + "rk/x; cd /home/user/a")))


class Shape(unittest.TestCase):
    def findings(self, path, text, names=()):
        return list(tidy.check_shape(path, text, names))

    def test_a_header_says_what_it_is_and_guards_itself(self):
        self.assertEqual([], self.findings("a.h", "// What.\n#pragma once\n"))
        self.assertEqual(2, len(self.findings("a.h", "int a;\n")))

    def test_an_include_guard_will_do(self):
        self.assertEqual([], self.findings("a.h", "// What.\n#ifndef A_H\n#define A_H\n#endif\n"))

    def test_a_source_may_leave_it_to_its_header(self):
        self.assertEqual([], self.findings("a.cc", "int a;\n", {"a.h"}))
        self.assertEqual(1, len(self.findings("a.cc", "int a;\n")))

    def test_a_file_has_an_end(self):
        self.assertEqual(1, len(self.findings("a.cc", "// What.\n" + "\n" * 900)))


class Fuzzing(unittest.TestCase):
    PARSER = "// What.\nResult<A> ParseA(ByteSpan bytes);\n"

    def test_a_parser_needs_a_fuzz_body(self):
        self.assertEqual(1, len(list(tidy.check_fuzzing({"sfu/rtp/a.h": self.PARSER}, []))))

    def test_a_fuzz_body_may_reach_it_through_another_source(self):
        sources = {
            "sfu/rtp/a.h": self.PARSER,
            "sfu/rtp/all.h": "",
            "sfu/rtp/all.cc": '#include "sfu/rtp/a.h"\n',
            "tests/fuzz/all_fuzz.cc": '#include "sfu/rtp/all.h"\n',
        }
        self.assertEqual([], list(tidy.check_fuzzing(sources, ["tests/fuzz/corpus/all/empty"])))

    def test_a_fuzz_body_needs_seeds(self):
        findings = list(tidy.check_fuzzing({"tests/fuzz/a_fuzz.cc": ""}, []))
        self.assertIn("no seeds", findings[0])


class Limits(unittest.TestCase):
    HEADER = ("// inline constexpr int kNot = 1;\n"
              "inline constexpr std::size_t kA = 1;\n"
              "inline constexpr std::uint32_t kBeyond =\n    2 * kA;\n"
              "static_assert(kA <= kBeyond);\n")

    def findings(self, test, untested=()):
        sources = {"sfu/core/limits.h": self.HEADER, "sfu/a.cc": "limits::kA limits::kBeyond",
                   "tests/unit/a_test.cc": test}
        return list(tidy.check_limits(sources, dict.fromkeys(untested, "why")))

    def test_a_limit_needs_a_test_that_names_it(self):
        self.assertEqual([], self.findings("limits::kA + fovea::limits::kBeyond"))
        self.assertEqual(["sfu/core/limits.h:3: kBeyond is named by no test"], self.findings("limits::kA"))

    def test_neither_a_comment_nor_a_longer_name_is_a_test(self):
        self.assertEqual(2, len(self.findings("// limits::kA\nlimits::kBeyondThat; \"limits::kA\"; kA;")))

    def test_an_exception_may_be_made(self):
        self.assertEqual([], self.findings("limits::kA", ["kBeyond"]))

    def test_an_exception_that_is_none_is_found(self):
        self.assertIn("a test names kA", self.findings("limits::kA limits::kBeyond", ["kA"])[0])
        self.assertIn("there is no kC", self.findings("limits::kA limits::kBeyond", ["kC"])[0])

    def test_every_limit_is_seen(self):
        root = pathlib.Path(tidy.__file__).resolve().parents[1]
        text = (root / tidy.LIMITS).read_text()
        findings = list(tidy.check_limits({tidy.LIMITS: text}, {}))
        self.assertEqual(text.count("inline constexpr "), len(findings))


if __name__ == "__main__":
    unittest.main()
