# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""How Sphinx makes the guides; meson.build gives version, messages and the API's XML files."""
from pathlib import Path

from docutils import nodes  # type: ignore

project = 'dpdk-vf-token'
copyright = '2026, dpdk-vf-token contributors'  # pylint: disable=redefined-builtin

extensions = ['breathe', 'sphinx.ext.graphviz']
# Nothing is highlighted that isn't named, and a console's output is not a program.
# It would make dashes of options' hyphens.
smartquotes = False
highlight_language = 'none'
nitpicky = True
# The types of libc, the fixed-width ones, and that of api.h.
nitpick_ignore = [('c:identifier', name) for name in (
    'size_t', 'time_t', 'uint16_t', 'uint32_t', 'vftoken_uuid_t')]

breathe_default_project = 'libvftoken'
breathe_domain_by_extension = {'h': 'c'}
graphviz_output_format = 'svg'

html_theme = 'sphinx_rtd_theme'
html_static_path = ['static']
html_css_files = ['guides.css']
html_show_sourcelink = False
html_show_sphinx = False


def add_messages(app, page, text):
    """Put the catalogue of messages, which messages_rst.c prints, into the page that takes it."""
    if page == 'troubleshooting' and app.config.messages:
        messages = Path(app.config.messages).read_text('utf-8')
        text[0] = text[0].replace('\n.. messages\n', messages)


def name_cells(_, doctree):
    """Put the name of its column into each cell, for windows in which a table has one column."""
    for group in doctree.findall(nodes.tgroup):
        head = group.next_node(nodes.thead)
        names = [entry.astext() for entry in head.findall(nodes.entry)] if head else []
        for row in group.next_node(nodes.tbody).findall(nodes.row) if names else ():
            for name, entry in zip(names, row.children):
                if name and entry.children and isinstance(entry[0], nodes.paragraph):
                    entry[0].insert(0, nodes.inline('', f'{name}: ', classes=['column-name']))


def setup(app):
    """Called by Sphinx."""
    app.add_config_value('messages', '', 'env')
    app.connect('source-read', add_messages)
    app.connect('doctree-read', name_cells)
