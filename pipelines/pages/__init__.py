"""Pages as single HTML files: templates, style, tables, and embedded pictures."""
