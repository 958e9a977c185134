# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""How Sphinx makes the guides; meson.build gives version, messages and the API's XML files."""
from pathlib import Path

project = 'dpdk-vf-token'
copyright = '2026, dpdk-vf-token contributors'  # pylint: disable=redefined-builtin

extensions = ['breathe', 'sphinx.ext.graphviz']
# Nothing is highlighted that isn't named, and a console's output is not a program.
# It would make dashes of options' hyphens.
smartquotes = False
highlight_language = 'none'
nitpicky = True
# The types of libc and libuuid, and the fixed-width ones.
nitpick_ignore = [('c:identifier', name) for name in (
    'size_t', 'time_t', 'uint16_t', 'uint32_t', 'uuid_t')]

breathe_default_project = 'libvftoken'
breathe_domain_by_extension = {'h': 'c'}
graphviz_output_format = 'svg'

html_theme = 'sphinx_rtd_theme'
html_show_sourcelink = False
html_show_sphinx = False


def add_messages(app, page, text):
    """Put the catalogue of messages, which messages_rst.c prints, into the page that takes it."""
    if page == 'troubleshooting' and app.config.messages:
        messages = Path(app.config.messages).read_text('utf-8')
        text[0] = text[0].replace('\n.. messages\n', messages)


def setup(app):
    """Called by Sphinx."""
    app.add_config_value('messages', '', 'env')
    app.connect('source-read', add_messages)
