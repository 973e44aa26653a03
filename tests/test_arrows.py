"""Imports point down, and each file says what it is for: the whole repository, read as syntax trees."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("owners", "leads", "routing", "revroute")
"""Each may import those before it."""

LONGEST = 400

DOORS = {
    "owners.admin", "leads.admin", "routing.admin", "routing.api", "routing.tasks", "routing.management",
    "routing.bench", "routing.pages",
}  # fmt: skip
"""What reads an input, calls one function and says what happened; nothing but the wires imports it."""

DOOR_IMPORTS = {
    # Intake wakes the router in the transaction that stores an event which nobody waits for.
    ("routing.api", "routing.tasks"),
    # The command that names the benchmarks.
    ("routing.management", "routing.bench"),
    # Admin screens of a later app look like those of an earlier one.
    ("leads.admin", "owners.admin"),
    ("routing.admin", "owners.admin"),
    ("routing.admin", "leads.admin"),
    # Benchmarks measure the doors, too.
    ("routing.bench", "routing.api"),
}

MODEL_IMPORTS = {
    "owners": {"owners.configuration", "owners.writer", "owners.business_time"},
    "leads": {"leads.ids", "owners.configuration", "owners.models"},
    # Choices and labels of rules are defined once, where they are compiled.
    "routing": {"routing.engine.rules", "owners.configuration", "owners.models", "leads.ids", "leads.models"},
}
"""What models may import of ours besides each other: no domain module."""

ENGINE_IMPORTS = ("routing.engine", "owners.business_time", "owners.places")
IMPURE = {"django", "time", "random", "secrets", "uuid", "os", "socket", "threading", "logging", "urllib3", "ninja"}
CLOCK = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(")


def sources(*folders):
    """Python files below the folders, by path from the root."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path for path in found}


OURS = {name: path for name, path in sources(*APPS).items() if "/migrations/" not in name}
EVERYTHING = {
    **OURS,
    **sources("tests"),
    **{path.name: path for path in sorted(ROOT.glob("*.py"))},
}


@cache
def tree(path):
    return ast.parse(path.read_text(), str(path))


def module(name):
    """routing/engine/rules.py is routing.engine.rules; routing/models/__init__.py is routing.models."""
    return name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


MODULES = {module(name) for name in OURS}


def imports(path):
    """The modules that a file imports, at its top or inside a function. Of `from a import b`, `a.b` if it is one."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room a name is from"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def within(name, room):
    return name == room or name.startswith(f"{room}.")


def room_of(name, rooms):
    return next((room for room in rooms if within(name, room)), None)


def test_there_is_something_to_guard():
    assert {"owners.models", "leads.models.crm", "routing.engine.decide", "revroute.urls"} <= MODULES


def test_apps_import_downwards_only():
    wrong = [
        f"{name} imports {imported}"
        for name, path in OURS.items()
        for imported in imports(path)
        for app in [name.split("/")[0]]
        if imported.split(".")[0] in APPS and APPS.index(imported.split(".")[0]) > APPS.index(app)
    ]
    assert wrong == []


def test_program_never_imports_its_tests():
    assert [name for name, path in OURS.items() for imported in imports(path) if within(imported, "tests")] == []


@pytest.mark.parametrize("name", [name for name in OURS if name.startswith("routing/engine/")])
def test_engine_is_pure(name):
    path = OURS[name]
    wrong = [
        imported
        for imported in imports(path)
        if imported.split(".")[0] in IMPURE
        or (imported.split(".")[0] in APPS and not any(within(imported, room) for room in ENGINE_IMPORTS))
    ]
    assert wrong == []
    assert CLOCK.findall(path.read_text()) == [], "time comes in as a parameter"


@pytest.mark.parametrize(
    ("name", "below"), [("business_time", ["owners.business_week"]), ("business_week", []), ("places", [])]
)
def test_what_the_engine_imports_is_pure(name, below):
    ours = [each for each in imports(OURS[f"owners/{name}.py"]) if each.split(".")[0] in {*IMPURE, *APPS}]
    assert sorted(set(ours)) == below


@pytest.mark.parametrize("app", list(MODEL_IMPORTS))
def test_models_import_no_domain_module(app):
    allowed = MODEL_IMPORTS[app]
    wrong = [
        f"{name} imports {imported}"
        for name, path in OURS.items()
        if within(module(name), f"{app}.models")
        for imported in imports(path)
        if imported.split(".")[0] in APPS
        and not within(imported, f"{app}.models")
        and not any(within(imported, room) for room in allowed)
    ]
    assert wrong == []


def test_doors_are_imported_by_nobody_but_the_wires():
    wrong = []
    for name, path in OURS.items():
        importer = module(name)
        if within(importer, "revroute"):
            continue
        here = room_of(importer, DOORS)
        for imported in imports(path):
            there = room_of(imported, DOORS)
            if there and there != here and (here, there) not in DOOR_IMPORTS:
                wrong.append(f"{importer} imports {imported}")
    assert wrong == []


def test_wires_are_imported_by_nobody():
    wrong = [
        f"{name} imports {imported}"
        for name, path in OURS.items()
        if not name.startswith("revroute/")
        for imported in imports(path)
        if within(imported, "revroute")
    ]
    assert wrong == []


def test_no_file_is_longer_than_a_reader_holds():
    long = {name for name, path in EVERYTHING.items() if len(path.read_text().splitlines()) > LONGEST}
    assert long == set()


def test_each_module_says_in_its_first_line_what_it_is_for():
    silent = []
    for name, path in EVERYTHING.items():
        parsed = tree(path)
        if not parsed.body or name.endswith("apps.py"):  # a package's empty door, and Django's own boilerplate
            continue
        docstring = ast.get_docstring(parsed) or ""
        paragraph = docstring.split("\n\n")[0]
        if not paragraph.rstrip().endswith("."):
            silent.append(name)
    assert silent == []


def test_every_test_folder_is_a_package():
    """Otherwise tests/owners would hide the app owners."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder.relative_to(ROOT).as_posix() for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_setting_stands_in_the_example_with_a_sentence():
    """CRASH_AT is left out: it is for the crash tests only."""
    read = re.findall(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"', (ROOT / "revroute/settings.py").read_text())
    example = (ROOT / ".env.example").read_text()
    listed = re.findall(r"^# [^\n=]+[.:;,][^\n]*\n(?:# [^\n=]*\n)*# ([A-Z_]+)=", example, re.MULTILINE)
    assert set(read) - {"CRASH_AT"} == set(listed)


def test_environment_is_read_in_the_settings_only():
    """Handing all of it on to a child is not reading it; wsgi.py sets the name of the settings."""
    reading = re.compile(r"\bos\.(?:getenv\b|environ(?:\[|\.(?!setdefault)))")
    wrong = [name for name, path in OURS.items() if reading.search(path.read_text())]
    assert wrong == []
