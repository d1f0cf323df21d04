# The lab's image with Vagrant's user: what the provider docker runs, and what a box is made of.
ARG BASE
FROM $BASE
COPY user.sh authorized_keys /build/
RUN sh /build/user.sh && rm -r /build
ENV container=docker
STOPSIGNAL SIGRTMIN+3
