# Stands in for postgres of Docker Hub where no registry can be reached: Debian's PostgreSQL, told what it is by the same
# variables (https://hub.docker.com/_/postgres): POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE, PGDATA.
FROM node:24-bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
  && rm -rf /var/lib/postgresql/* /etc/postgresql/* /var/lib/apt/lists/* \
  && ln -s /usr/lib/postgresql/*/bin /opt/postgresql
ENV PATH=/opt/postgresql:$PATH LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
COPY engines/stand-ins/postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
