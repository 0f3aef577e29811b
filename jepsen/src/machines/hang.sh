#!/bin/sh
# An OCF agent for tests. It keeps a file, and its monitor hangs on a machine for as long as the file of its parameter
# `flag`, followed by a dash and the name of the machine, is there.
state="/run/hang-$OCF_RESOURCE_INSTANCE"

case "$1" in
meta-data)
    cat <<'END'
<?xml version="1.0"?>
<resource-agent name="hang" version="1.0">
<version>1.1</version>
<longdesc lang="en">For tests: its monitor hangs on request.</longdesc>
<shortdesc lang="en">Hangs on request</shortdesc>
<parameters>
<parameter name="flag" required="1">
<longdesc lang="en">Where the file is looked for that makes it hang.</longdesc>
<shortdesc lang="en">Flag</shortdesc>
<content type="string"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="10s"/>
<action name="stop" timeout="10s"/>
<action name="monitor" timeout="1s" interval="1s"/>
<action name="meta-data" timeout="5s"/>
<action name="validate-all" timeout="5s"/>
</actions>
</resource-agent>
END
    ;;
start) touch "$state" ;;
stop) rm -f "$state" ;;
monitor)
    if [ -e "$OCF_RESKEY_flag-$(hostname)" ]; then
        sleep 1000
    fi
    # 7: not running.
    [ -e "$state" ] || exit 7
    ;;
validate-all) ;;
# 3: not implemented.
*) exit 3 ;;
esac
