# shellcheck shell=sh
# The cluster's proxy for login shells. Written by mesosctl; changes made here are put back.
export http_proxy=http://ann:p%40%3A%2F%25%26%3C%27%22%24%20%5C%C3%A9@web-proxy.corp.example:8080/
export HTTP_PROXY="$http_proxy"
export https_proxy=http://ann:p%40%3A%2F%25%26%3C%27%22%24%20%5C%C3%A9@web-proxy.corp.example:8080/
export HTTPS_PROXY="$https_proxy"
export ftp_proxy=http://ann:p%40%3A%2F%25%26%3C%27%22%24%20%5C%C3%A9@web-proxy.corp.example:8080/
export FTP_PROXY="$ftp_proxy"
export no_proxy=localhost,127.0.0.1,m1,10.0.0.1,m2,10.0.0.2,m3,10.0.0.3,a1,10.0.0.4,a2,10.0.0.5,corp.example,.corp.example,10.0.0.0/8,16.0.0.0/8,192.168.20.0/24
export NO_PROXY="$no_proxy"
