# shellcheck shell=sh
# The cluster's proxy for login shells. Written by mesosctl; changes made here are put back.
export https_proxy=http://10.9.9.9:3128/
export HTTPS_PROXY="$https_proxy"
export no_proxy=localhost,127.0.0.1,mirror.example,10.1.0.1,10.1.0.2,10.1.0.0/20
export NO_PROXY="$no_proxy"
