# Two images from one file; neither build needs a network.
#   agent   netvsc-deviceplugin and the netvsc command: Python, no shell; fdpipe, which the agent
#           installs on its node as netvsc-cni
#   fdpipe  the sidecar: one static program and its guard
#
# BASE is a Debian 12 that has python3 and python3-venv. build/wheels holds every wheel the lock file
# names for the extras in EXTRAS, and the project's own; fdpipe/build comes from `make fdpipe`;
# build/notices holds the licences of what is linked into fdpipe. `make images` makes all of them.
#
# The same sources give the same images, whoever builds them when and where: docs/supply-chain.md.
ARG BASE
FROM ${BASE} AS build
ARG EXTRAS=deviceplugin,operator
COPY build/wheels /wheels
COPY image /image
RUN umask 022 \
 && python3 -m venv /installer \
 && python3 -m venv --without-pip /opt/netvsc \
 && /installer/bin/pip --python /opt/netvsc/bin/python install --quiet --no-index \
      --no-compile --find-links /wheels "netvsc-operator[${EXTRAS}]" \
 && python3 /image/rootfs.py /rootfs

FROM scratch AS agent
COPY --from=build /rootfs /
COPY --chmod=755 fdpipe/build/fdpipe /usr/bin/fdpipe
COPY build/notices /
ENV PATH=/opt/netvsc/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["netvsc"]

FROM scratch AS fdpipe
COPY --chmod=755 fdpipe/build/fdpipe fdpipe/build/guard.so /
COPY build/notices /
USER 65532:65532
ENTRYPOINT ["/fdpipe"]
