"""The HTTP routes: they find the credential, call a service, and answer."""
