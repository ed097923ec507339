#!/bin/sh
# Changes the status of one case in a running sandbox: `edit_a_case.sh http://127.0.0.1:8081 [STATUS]`.
set -eu
org=${1:-http://127.0.0.1:8081}
status=${2:-Trial}
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
token=$(curl -sf "$org/services/oauth2/token" -d grant_type=client_credentials \
  -d client_id=moodbridge-sandbox -d client_secret=sandbox-secret | field access_token)
id=$(curl -sf -G "$org/services/data/v66.0/query" -H "Authorization: Bearer $token" \
  --data-urlencode "q=SELECT Id FROM Case WHERE IsClosed = false ORDER BY CaseNumber DESC LIMIT 1" | field Id)
curl -sf -X PATCH "$org/services/data/v66.0/sobjects/Case/$id" -H "Authorization: Bearer $token" \
  -H 'Content-Type: application/json' -d "{\"Status\": \"$status\"}"
echo "case $id is now \"$status\": look for it at http://127.0.0.1:8080/#/cases/$id"
