"""Code of the book: functions that its chapters call, and the build of the site. It is not in the wheel."""

__all__ = ["build", "chapters"]
