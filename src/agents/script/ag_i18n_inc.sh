# What entry points of VCS agents source for their messages: they go to standard error, and from there to the operator.

# VCSAG_SET_ENVS resource …: which resource the messages are about. It is known already.
VCSAG_SET_ENVS() {
    :
}

# VCSAG_LOG_MSG severity message number [argument …]
VCSAG_LOG_MSG() {
    VCSAG_severity=$1 VCSAG_message=$2
    shift 2
    [ $# -eq 0 ] || shift
    printf '%s: %s%s\n' "$VCSAG_severity" "$VCSAG_message" "${*:+ ($*)}" >&2
}

# VCSAG_LOGDBG_MSG level message: for the author of the agent, and not for the operator.
VCSAG_LOGDBG_MSG() {
    :
}
