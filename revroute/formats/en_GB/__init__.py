"""British English, the language of the screens."""
