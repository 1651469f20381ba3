"""What all web pages of the project look like: colours by day and by night, letters, buttons, focus."""

from pathlib import Path

_STYLE = Path(__file__).with_name("web_style.css")


def web_style() -> str:
    """The stylesheet, which the pages put before their own."""
    return _STYLE.read_text(encoding="utf-8")
