"""The command `python -m app.local`: a private PostgreSQL for trying and developing. No part of the image."""
