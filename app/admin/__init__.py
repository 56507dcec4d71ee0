"""Administration, `python -m app.admin`: one file for what is administered, and one for the command."""
