# syntax=docker/dockerfile:1
# One image for web, worker, scheduler and migrations; the command chooses (compose.yaml shows all four).

FROM python:3.11-slim-bookworm AS packages
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/app/staticfiles \
    GRANIAN_INTERFACE=wsgi \
    GRANIAN_HOST=0.0.0.0 \
    GRANIAN_PORT=8000 \
    GRANIAN_WORKERS=2 \
    GRANIAN_BLOCKING_THREADS=4 \
    GRANIAN_WEBSOCKETS=false \
    GRANIAN_RESPAWN_FAILED_WORKERS=true \
    GRANIAN_WORKERS_KILL_TIMEOUT=20
RUN useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin chartroom \
    && install --directory --owner=chartroom --mode=0700 /data/documents /data/anchors
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY . .
# Static files need settings but no secret and no server: these values leave nothing in the image.
RUN zeros=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    && SECRET_KEY=build ALLOWED_HOSTS=build MASTER_KEYS=$zeros BLIND_INDEX_KEY=$zeros \
       DATABASE_URL=postgresql://build@build/build CELERY_BROKER_URL=redis://build/0 \
       python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q config clinic patients scheduling records chat compliance
USER chartroom
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import os, urllib.request as web; \
host = os.environ['ALLOWED_HOSTS'].split(',')[0].lstrip('.'); \
web.urlopen(web.Request('http://127.0.0.1:8000/healthz', headers={'Host': host}), timeout=4)"]
CMD ["granian", "config.wsgi:application"]
