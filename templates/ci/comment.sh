#!/usr/bin/env bash
# Writes the gate's comment on a pull request, or brings the one that it wrote before up to date: comment.sh FILE
#
# FORGE    github or gitlab
# NUMBER   of the pull request or merge request
# TOKEN    of the job; empty: nothing is written
# The forge's own variables say where: GITHUB_API_URL and GITHUB_REPOSITORY, or CI_API_V4_URL and CI_PROJECT_ID.
#
# That a comment cannot be written (a fork's token may not) fails no job: the verdict is the gate's, not ours.
set -euo pipefail

body=$1
if [[ -z ${TOKEN:-} ]]; then
    echo "No token: the comment is not written." >&2
    exit 0
fi
[[ $NUMBER =~ ^[0-9]+$ ]]

case $FORGE in
    github)
        comments=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments
        one=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/comments
        edit=PATCH header="Authorization: Bearer $TOKEN" person=user name=login
        ;;
    gitlab)
        comments=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$NUMBER/notes
        one=$comments
        edit=PUT header="PRIVATE-TOKEN: $TOKEN" person=author name=username
        ;;
    *)
        echo "FORGE is github or gitlab." >&2
        exit 2
        ;;
esac

# request METHOD URL [FILE]: sends a file; the token goes in by standard input, where no list of processes shows it.
request() {
    printf 'header = "%s"\n' "$header" |
        curl --config - --silent --show-error --fail --max-time 30 --retry 2 --request "$1" \
            --header 'Content-Type: application/json' ${3:+--data-binary "@$3"} "$2"
}

# Who we are: only our own comment is edited, since anybody can write one that bears our mark.
author() {
    case $FORGE in
        github) echo "${AUTHOR:-github-actions[bot]}" ;;
        gitlab) request GET "$CI_API_V4_URL/user" | json "print(json.load(sys.stdin)['username'])" ;;
    esac
}

json() {
    python3 -I -c "import json, sys; $1" "${@:2}"
}

# ours AUTHOR: the number of our comment in a page of comments; `next` when a full page has none; nothing at the end.
ours() {
    json "
page = json.load(sys.stdin)
person, name, author = sys.argv[1:]
mine = [it['id'] for it in page if it[person][name] == author and it['body'].startswith('<!-- beffroi-gate -->')]
print(int(mine[0]) if mine else 'next' if len(page) == 100 else '')" "$person" "$name" "$1"
}

# Each step says `|| return`: where its failure is answered below, bash lets none of them end the function.
write() {
    local payload known author page=1
    payload=$(mktemp) || return
    json "print(json.dumps({'body': open(sys.argv[1], encoding='utf-8').read()}))" "$body" > "$payload" || return
    author=$(author) || return
    while known=$(request GET "$comments?per_page=100&page=$page" | ours "$author") || return; do
        [[ $known == next ]] || break
        ((page += 1))
    done
    if [[ $known =~ ^[0-9]+$ ]]; then
        request "$edit" "$one/$known" "$payload" > /dev/null
    else
        request POST "$comments" "$payload" > /dev/null
    fi
}

write || echo "The comment could not be written; what the gate says is in this job's output." >&2
