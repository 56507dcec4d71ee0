# Four images. The default is the service (`python -m app`) with its administration (`python -m app.admin`) and retention
# (`python -m app.retain`): what it need not have, it does not have. `--target migrate` adds what brings a database to this
# release (`python -m app.migrate apply`) and imports history. `--target sign` adds the signer's cryptography
# (`python -m app.sign run`), and `--target ship` what the shipper needs for S3 (`python -m app.ship`). No PostgreSQL, no compiler, no secret in any.

# The image that is built where no --target can be given, as on Render.
ARG STAGE=service

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS service

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# A number, so that Kubernetes' runAsNonRoot can check it.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin ringfence \
    && install -d -o ringfence -m 0700 /var/lib/ringfence

WORKDIR /srv/ringfence

# Before the code: the packages change less often.
COPY requirements/service.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary :all: -r requirements/service.lock

# Owned by root: the service can read its code and cannot change it. db/ holds links to schema/ and to pgmigrate.yml.
COPY pgmigrate.yml ./
COPY db ./db
COPY app ./app
COPY docs/verify.html ./docs/

USER 10001

# A container's port can be published only when the service listens on all of the container's addresses. There it wants
# API keys, or TRUST_TENANT_HEADER=true. Without DATABASE_URL records go to the file: mount a volume there, or the file is
# lost with the container. So would spooled records be: with a volume, set SPOOL=true.
ENV HOST=0.0.0.0 \
    PORT=8000 \
    AUDIT_LOG_PATH=/var/lib/ringfence/audit.jsonl \
    SPOOL=false \
    SPOOL_PATH=/var/lib/ringfence/spool
EXPOSE 8000

# Checks the process alone: an outage of the database is no reason to restart the service.
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s \
    CMD ["python", "-m", "app.health_check"]

CMD ["python", "-m", "app"]

FROM service AS migrate
USER root
# --no-deps: the lock names every package, and pgmigrate would ask for psycopg2, which psycopg2-binary is.
COPY requirements/build.lock requirements/migrate.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes -r requirements/build.lock \
    && pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --no-deps --no-build-isolation --require-hashes -r requirements/migrate.lock
USER 10001

FROM service AS sign
USER root
COPY requirements/sign.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary :all: -r requirements/sign.lock
USER 10001
# Mount a volume there: without it the key and the memory are lost with the container.
ENV SIGNER_DIRECTORY=/var/lib/ringfence/signer
# The service's check asks for its port, which nobody listens on here.
HEALTHCHECK NONE
CMD ["python", "-m", "app.sign", "run"]

FROM service AS ship
USER root
COPY requirements/ship.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary :all: -r requirements/ship.lock
USER 10001
# Mount a volume there: without it the shipper begins with the first record after each start.
ENV SHIPPER_DIRECTORY=/var/lib/ringfence/shipper
# The service's check asks for its port, which nobody listens on here.
HEALTHCHECK NONE
CMD ["python", "-m", "app.ship"]

FROM ${STAGE}
