# SPDX-License-Identifier: Apache-2.0
"""French is complete: every marked string of templates and code is translated, and the compiled file is fresh."""

import re
import sys
from pathlib import Path

import polib
from django.utils.translation import trim_whitespace

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"
MO = PO.with_suffix(".mo")
CODE = re.compile(r"""(?<![\w.])(?:_|gettext|gettext_lazy)\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)""")
NGETTEXT = re.compile(r"""ngettext\(\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",""")
TRANS = re.compile(r"""\{%\s*trans\s+(?:"([^"]*)"|'([^']*)')""")
BLOCK = re.compile(r"\{%\s*blocktrans([^%]*)%\}(.*?)\{%\s*endblocktrans\s*%\}", re.DOTALL)
# French has a narrow no-break space there, so that no line begins with the sign.
PLAIN_SPACE = re.compile(r"\S [:?!;](?:\s|$)")
# And a no-break space inside a number and between a number and its unit.
LOOSE_NUMBER = re.compile(
    r"\d \d{3}(?!\d)"
    r"|(?:\d|%\(\w+\)[sd]) (?:%(?!\()|(?:cr|GPU|GPU-h|h|j|min|Mo|Gio|kWh|Wh|crédits?|euros?)(?![\w’]))"
)
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _variables(text: str) -> str:
    return VARIABLE.sub(r"%(\1)s", text)


def messages() -> dict[tuple[str, str], set[str]]:
    """Return every marked string (singular, plural) with the files it stands in."""
    found: dict[tuple[str, str], set[str]] = {}

    def add(one: str, many: str, path: Path) -> None:
        found.setdefault((one, many), set()).add(str(path.relative_to(ROOT)))

    templates = ROOT / "templates"
    for path in sorted([*templates.rglob("*.html"), *templates.rglob("*.txt")]):
        text = path.read_text(encoding="utf-8")
        for match in TRANS.finditer(text):
            add(match[1] or match[2], "", path)
        for match in BLOCK.finditer(text):
            one, _, many = match[2].partition("{% plural %}")
            if "trimmed" in match[1].split():
                one, many = trim_whitespace(one), trim_whitespace(many)
            add(_variables(one), _variables(many), path)
    for app in ("aion", "billing", "clusters", "marketplace"):
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            for match in CODE.finditer(text):
                parts = re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])
                add("".join(parts).encode().decode("unicode_escape").encode("latin-1").decode(), "", path)
            for match in NGETTEXT.finditer(text):
                add(match[1], match[2], path)
    return found


def update() -> None:
    """Add missing strings to the catalogue, drop unused ones and compile it."""
    catalogue = polib.pofile(str(PO)) if PO.exists() else polib.POFile(wrapwidth=110)
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Language": "fr",
        "Plural-Forms": "nplurals=2; plural=(n > 1);",
    }
    have = {(entry.msgid, entry.msgid_plural): entry for entry in catalogue}
    wanted = messages()
    result = polib.POFile(wrapwidth=110)
    result.metadata = catalogue.metadata
    for (one, many), files in sorted(wanted.items()):
        entry = have.get((one, many)) or polib.POEntry(msgid=one, msgid_plural=many)
        if many and not entry.msgstr_plural:
            entry.msgstr_plural = {0: "", 1: ""}
        entry.occurrences = [(name, "") for name in sorted(files)]
        result.append(entry)
    PO.parent.mkdir(parents=True, exist_ok=True)
    result.save(str(PO))
    result.save_as_mofile(str(MO))


def main() -> int:
    """Check, or update with --update."""
    if "--update" in sys.argv:
        update()
    catalogue = polib.pofile(str(PO))
    have = {(entry.msgid, entry.msgid_plural) for entry in catalogue}
    wanted = messages()
    problems = [f"missing: {key[0]!r} ({', '.join(wanted[key])})" for key in wanted if key not in have]
    problems += [f"not translated: {entry.msgid!r}" for entry in catalogue if not entry.translated() or entry.fuzzy]
    problems += [
        f"plain space before : ; ? or !: {entry.msgid!r}"
        for entry in catalogue
        if any(PLAIN_SPACE.search(text) for text in (entry.msgstr, *entry.msgstr_plural.values()))
    ]
    problems += [
        f"a number can be torn from its thousands or its unit: {entry.msgid!r}"
        for entry in catalogue
        if any(LOOSE_NUMBER.search(text) for text in (entry.msgstr, *entry.msgstr_plural.values()))
    ]
    compiled = {(e.msgid, e.msgstr, str(e.msgstr_plural)) for e in polib.mofile(str(MO))} if MO.exists() else set()
    if {(e.msgid, e.msgstr, str(e.msgstr_plural)) for e in catalogue} != compiled:
        problems.append("locale/fr/LC_MESSAGES/django.mo is older than its source")
    if problems:
        sys.stdout.write("\n".join(problems[:200]) + "\nRun `make check ARGS=--update`, then translate.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
