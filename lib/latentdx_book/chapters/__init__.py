"""Functions that the chapters call; each module serves the chapter or section that it is named after."""
