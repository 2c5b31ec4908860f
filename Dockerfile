# The two images with Docker: `docker build --target sentry-operator .`, `docker build --target sentry-gateway .`
# (build/images.ts, which lays out their files here too, also writes them without Docker: `make images`).
FROM node:24-bookworm AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
COPY build/setup.sh build/setup.sh
RUN build/setup.sh npm debian-images
COPY . .
RUN node_modules/.bin/node build/images.ts --root-folders /images

FROM scratch AS sentry-operator
COPY --from=build /images/sentry-operator/ /
LABEL org.opencontainers.image.title="sentry-operator" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      io.sentrygateway.image.sbom="/app/sbom.cdx.json"
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--optimize-for-size", "/app/main.mjs"]

FROM scratch AS sentry-gateway
COPY --from=build /images/sentry-gateway/ /
LABEL org.opencontainers.image.title="sentry-gateway" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      io.sentrygateway.image.sbom="/app/sbom.cdx.json"
ENV NODE_ENV=production \
    LD_PRELOAD=/usr/local/lib/libjemalloc.so.2 \
    MALLOC_CONF=dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/app/main.mjs"]
