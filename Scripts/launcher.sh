#!/bin/sh
# Starts devicenn with the libraries beside it; those of fallback/ only where this system has none of that name.
here=$(dirname "$(readlink -f "$0")")
libraries=$here/lib
known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null)
for folder in "$here"/fallback/*; do
  case $known in
    *"${folder##*/} "*) ;;
    *) libraries=$libraries:$folder ;;
  esac
done
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/bin/devicenn" "$@"
