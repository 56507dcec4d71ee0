"""The auditor's pages below /view: read only, through the services of the API, so that the database decides."""
