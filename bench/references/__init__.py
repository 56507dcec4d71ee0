"""Routes that do nothing: what HTTP alone costs, on FastAPI as it comes and on the service's own stack."""
