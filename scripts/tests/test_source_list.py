"""source_list.py keeps the distribution's own entries and turns them into source entries."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "third_party"))

import source_list  # noqa: E402


class OneLine(unittest.TestCase):
    def kept(self, text):
        return source_list.one_line(text, "bookworm")

    def test_the_main_archive_is_kept_with_its_options(self):
        self.assertEqual(["deb-src [signed-by=/k] http://a/d bookworm main contrib"],
                         self.kept("deb [signed-by=/k] http://a/d bookworm main contrib # x\n"))

    def test_a_source_entry_that_is_there_is_not_doubled(self):
        text = "deb http://a/d bookworm main\ndeb-src http://a/d bookworm main\n"
        self.assertEqual(["deb-src http://a/d bookworm main"], self.kept(text))

    def test_other_archives_and_comments_are_left_out(self):
        text = ("# deb http://a/d bookworm main\ndeb http://a/p bookworm-pgdg main\n"
                "deb http://a/n nodistro main\ndeb http://a/x bookworm stable\n")
        self.assertEqual([], self.kept(text))


class Deb822(unittest.TestCase):
    STANZA = "Types: deb\n# note\nURIs: http://a/d\nSuites: bookworm bookworm-updates\nComponents: main\n"

    def test_a_stanza_becomes_a_source_stanza(self):
        [kept] = source_list.deb822(self.STANZA, "bookworm")
        self.assertIn("Types: deb-src\n", kept)
        self.assertIn("Suites: bookworm bookworm-updates\n", kept)
        self.assertNotIn("note", kept)

    def test_a_key_of_many_lines_survives(self):
        [kept] = source_list.deb822(self.STANZA + "Signed-By:\n KEY\n .\n END\n", "bookworm")
        self.assertIn("Signed-By: \n KEY\n .\n END\n", kept)

    def test_disabled_and_foreign_stanzas_are_left_out(self):
        foreign = self.STANZA.replace("bookworm", "nodistro")
        self.assertEqual([], source_list.deb822(self.STANZA + "Enabled: no\n\n" + foreign, "bookworm"))


if __name__ == "__main__":
    unittest.main()
