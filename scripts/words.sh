# shellcheck shell=bash
# What the scripts say, in French or in English, before there is a Python to read the message catalogue.
# Sourced by the other scripts, never run.

# speaks_french: the reader's language, by the same rule as beffroi.messages.
speaks_french() {
    local value
    for value in "${BEFFROI_LANG:-}" "${LC_ALL:-}" "${LC_MESSAGES:-}" "${LANG:-}"; do
        if [[ -n $value ]]; then
            [[ ${value,,} == fr* ]]
            return
        fi
    done
    return 1
}

# tell ENGLISH FRENCH: one line of progress.
tell() {
    if speaks_french; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

# step ENGLISH FRENCH: the title of a piece of work, with the time since the script began.
step() {
    printf '\n[%3d s] ' "$SECONDS"
    tell "$1" "$2"
}

# stop ENGLISH FRENCH: why it cannot go on and what to do next; ends the script with code 2 (could not tell).
stop() {
    tell "$1" "$2" >&2
    exit 2
}
