"""The book's own code: what its chapters call, and what builds the site. It is not in the wheel."""
