# Stands in for nginxproxy/nginx-proxy where no registry can be reached: Debian's nginx, configured from the containers
# that share a network with it, by what the tests of routing configure theirs with.
FROM node:24-bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light >/dev/null \
  && rm -rf /var/lib/apt/lists/*
COPY engines/stand-ins/nginx-proxy.ts /opt/proxy/engines/stand-ins/
COPY support/nginx-configuration.ts /opt/proxy/support/
ENTRYPOINT ["node", "/opt/proxy/engines/stand-ins/nginx-proxy.ts"]
