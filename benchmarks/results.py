"""Where the benchmarks write what they measured."""

from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write_section(heading: str, text: str) -> None:
    """Replace the section that begins with the line `heading` in RESULTS.md by `text`, or append it."""
    before = (
        RESULTS.read_text(encoding="utf-8")
        if RESULTS.exists()
        else "# Results\n\nMade by the scripts of this folder.\n"
    )
    head, _, rest = before.partition(f"{heading}\n")
    following = rest.partition("\n## ")
    tail = "\n## " + following[2] if following[1] else ""
    RESULTS.write_text(f"{head.rstrip()}\n\n{text}{tail}", encoding="utf-8")
