"""What the tests of the page share: the command, and what is in the folder that it wrote."""

import json
from html.parser import HTMLParser

import generate


def main(argv):
    return generate.main(["page", *argv])


def make_page(runs, out, *flags):
    runs = runs if isinstance(runs, list) else [runs]
    return main(["-d", *map(str, runs), "-o", str(out), "-q", "--device", "cpu", *map(str, flags)])


def card_of(folder):
    return json.loads((folder / "page.json").read_text(encoding="utf-8"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Page(HTMLParser):
    """The elements of an HTML file as (tag, attributes), and its text without scripts and styles."""

    def __init__(self, folder):
        super().__init__()
        self.elements, self.text, self.raw = [], "", {"script": [], "style": []}
        self._within = []
        self.source = (folder / "index.html").read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self._within.append(tag)

    def handle_endtag(self, tag):
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def handle_data(self, data):
        if self._within:
            self.raw[self._within[-1]].append(data)
        else:
            self.text += data

    def all(self, tag, name=None):
        return [attrs for found, attrs in self.elements if found == tag and (not name or name in attrs)]

    def players(self):
        return self.all("button", "data-audio")
