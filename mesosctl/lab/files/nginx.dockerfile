# Debian's nginx with what it needs and a shell, on nothing. PLAIN is replaced by the plain image's name.
FROM PLAIN AS made
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends nginx
RUN set -e; \
	programs="/usr/sbin/nginx /bin/sh /bin/cat /bin/ls /bin/sleep"; \
	mkdir -p /image/tmp /image/run /image/var/log/nginx /image/var/lib/nginx; \
	libraries=$(ldd $programs | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u); \
	cp --recursive --dereference --parents $programs $libraries \
		/etc/nginx /etc/passwd /etc/group /var/www/html /image; \
	sed -i 's/^worker_processes .*/worker_processes 1;/' /image/etc/nginx/nginx.conf; \
	ln -s /dev/stdout /image/var/log/nginx/access.log; \
	ln -s /dev/stderr /image/var/log/nginx/error.log
FROM scratch
COPY --from=made /image /
ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
