# One image for web (Granian), `flask worker` and `flask realtime`. It holds no secret: production takes
# SECRET_KEY and TRUSTED_HOSTS from its environment.
FROM python:3.13-slim

RUN useradd --create-home --uid 1000 bank
WORKDIR /srv
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY --chown=bank . .
# Bytecode is made once here, and not by every container that starts.
RUN python -m compileall -q api migrations config.py wsgi.py
# What the processes share: attachments, the files of jobs, sessions.
RUN install -d -o bank -m 700 instance
VOLUME /srv/instance
USER bank
ENV FLASK_SKIP_DOTENV=1 APP_ENV=production HOST=0.0.0.0 PORT=5000
EXPOSE 5000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/api/v1/health/live', timeout=2)"]
CMD ["flask", "serve"]
