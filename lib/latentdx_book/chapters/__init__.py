"""What the chapters call: each module serves the chapter, or the section, that it is named after."""
