# The service as an image. It runs as an ordinary user, on the database that DAYBOOK_DATABASE_URL names; without one it
# runs its own PostgreSQL below DAYBOOK_HOME, so keep that folder on a volume.

FROM python:3.11-slim-bookworm AS dependencies
COPY requirements.lock /requirements.lock
# Exactly the files that were locked, none built here.
RUN python -m venv /opt/python \
    && /opt/python/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes \
        --requirement /requirements.lock

FROM python:3.11-slim-bookworm
# A user with a name and a fixed id: initdb wants the name, the owner of a volume is known by its id.
RUN groupadd --gid 10001 daybook \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/daybook --no-create-home --shell /usr/sbin/nologin daybook \
    && install --directory --owner daybook --group daybook --mode 0700 /var/lib/daybook
COPY --from=dependencies /opt/python /opt/python
WORKDIR /opt/daybook
COPY domain domain
COPY projections projections
COPY service service
COPY examples examples
# Compiled beforehand: the running user may not write here.
RUN /opt/python/bin/python -m compileall -q domain projections service
ENV PATH=/opt/python/bin:$PATH \
    PYTHONPATH=/opt/daybook \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAYBOOK_HOME=/var/lib/daybook
USER 10001:10001
VOLUME /var/lib/daybook
EXPOSE 8000
# Ready means: the database is reached and the projection is up with it. Building a large projection anew takes its time,
# and an unready service still answers everything that is not a view.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "service"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
