"""The table of mutants fits the tree: what is to be broken is there, and every case has to notice something."""

import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load_script():
    loader = importlib.machinery.SourceFileLoader("mutants", str(ROOT / "scripts/mutants"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
    loader.exec_module(module)
    return module


mutants = load_script()


class Table(unittest.TestCase):
    def test_it_fits_the_tree(self):
        self.assertEqual([], list(mutants.findings(mutants.load(), ROOT, mutants.case_names())))

    def findings(self, known=("speaks",), **changes):
        mutant = {"what": "mute", "file": "a.cc", "from": "speak();", "to": "", "cases": ["speaks"], **changes}
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a.cc").write_text("speak();\nhear();\nhear();\n")
            return list(mutants.findings([mutant], root, set(known)))

    def test_a_sound_mutant(self):
        self.assertEqual([], self.findings())

    def test_a_text_that_is_gone_or_there_twice(self):
        self.assertEqual(["mute: its text stands 0 times in a.cc"], self.findings(**{"from": "sing();"}))
        self.assertEqual(["mute: its text stands 2 times in a.cc"], self.findings(**{"from": "hear();"}))
        self.assertEqual(["mute: its text stands 0 times in b.cc"], self.findings(file="b.cc"))

    def test_a_mutant_that_changes_nothing(self):
        self.assertEqual(["mute: changes nothing"], self.findings(to="speak();"))

    def test_cases_without_a_mutant_and_mutants_without_a_case(self):
        self.assertEqual(["hears: no mutant that it has to notice"], self.findings(known=["speaks", "hears"]))
        self.assertEqual(["mute: there is no case sings"], self.findings(cases=["speaks", "sings"]))


if __name__ == "__main__":
    unittest.main()
