"""The cells of tests/matrix/cells: sections of columns, and modes."""

from dataclasses import dataclass
from pathlib import Path

CELLS = Path(__file__).resolve().parents[1] / "matrix/cells"
CHARS = ("CHAR(12)", "VARCHAR(60)", "TEXT")
LARGE = ("TEXT", "BLOB")  # what NOBLOB leaves out; JSON, GEOMETRY and VECTOR stay


@dataclass
class Column:
    definition: str
    how: str
    values: list  # SQL
    since: tuple
    named: bool

    @property
    def large(self):
        return self.definition.upper().split("(")[0].split(" ")[0].endswith(LARGE)


@dataclass
class Section:
    name: str
    lax: bool
    columns: list

    def on(self, version, mode=None):
        """The columns that this version (and mode) has."""
        return [c for c in self.columns if c.since <= version and (not c.named or mode is None or mode.metadata == "FULL")]


@dataclass
class Mode:
    image: str
    compression: str
    metadata: str
    checksum: str
    versions: list

    def __str__(self):
        return f"image {self.image}, compression {self.compression}, metadata {self.metadata}, checksum {self.checksum}"


def _since(text):
    head, _, rest = text.partition("+ ")
    if rest and head.replace(".", "").isdigit():
        return tuple(map(int, head.split("."))), rest.strip()
    return (0, 0), text.strip()


def _columns(line):
    definition, how, values = (part.strip() for part in line.split(" : ", 2))
    since, definition = _since(definition)
    named, definition = definition.startswith("named "), definition.removeprefix("named ")
    values = [*(v.strip() for v in values.split(" | ")), "NULL"]
    if how != "chars":
        return [Column(definition, how, values, since, named)]
    return [Column(f"{shape} CHARACTER SET {definition}", "same", values, since, named) for shape in CHARS]


def read():
    """(sections, modes)"""
    sections, modes, inside = [], [], None
    for line in CELLS.read_text().splitlines():
        if line.startswith("["):
            name, _, rest = line.strip("[]").partition(" ")
            inside = modes if name == "modes" else Section(name, rest == "lax", [])
            if inside is not modes:
                sections.append(inside)
        elif line and not line.startswith("#"):
            if inside is modes:
                *parts, versions = line.split(" : ")
                modes.append(Mode(*(p.strip() for p in parts), versions.split()))
            else:
                inside.columns += _columns(line)
    return sections, modes
