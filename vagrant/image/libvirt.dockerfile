# The root file system of a virtual machine: the image of the provider docker with a kernel, devices and a network.
ARG BASE
FROM $BASE
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
	linux-image-cloud-amd64 initramfs-tools zstd udev e2fsprogs ifupdown isc-dhcp-client \
	&& apt-get clean && rm -rf /var/lib/apt/lists/*
COPY machine.sh grub.cfg host-keys.service /build/
RUN sh /build/machine.sh && rm -r /build
