#!/bin/sh
# Starts devicenn with the libraries beside it; those of fallback/ only where this system has none of that name. Under the
# name "conformance" it runs the operators' suites on this machine's devices, under the name "probe" it asks the drivers
# what they can do, and writes that to probes.json.
here=$(dirname "$(readlink -f "$0")")
libraries=$here/lib
known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null)
for folder in "$here"/fallback/*; do
  case $known in
    *"${folder##*/} "*) ;;
    *) libraries=$libraries:$folder ;;
  esac
done
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
case ${0##*/} in
  conformance)
    LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$here/tests
    exec "$here/tests/suites" --testing-library swift-testing --filter "${1:-^KernelsTests\.}"
    ;;
  probe)
    "$here/bin/devicenn" probe "$@" >probes.json.new && mv probes.json.new probes.json && echo "written: probes.json"
    ;;
  *) exec "$here/bin/devicenn" "$@" ;;
esac
