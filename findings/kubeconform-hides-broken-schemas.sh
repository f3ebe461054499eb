#!/bin/sh
# Kubernetes: kubeconform v0.8.0 says of a schema that it has but cannot compile that there is none.
#
# A folder of schemas holds one for Widget, whose "$ref" leads to a file that is not there (as in
# schemas that refer to a web server's root). The manifest is checked against it, and the answer is
#
#   could not find schema for Widget
#
# as for a kind without any schema; what the compiler said is dropped. With -ignore-missing-schemas
# such a manifest passes as skipped, with exit status 0: a broken folder of schemas checks nothing and looks
# like a good one.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >widget-example-v1.json <<'JSON'
{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"spec":{"$ref":"not-there.json#/definitions/Spec"}}}
JSON
cat >widget.yaml <<'YAML'
apiVersion: example.org/v1
kind: Widget
metadata: {name: a}
spec: {size: 1}
YAML
export GOBIN="$dir/bin" GOFLAGS=-modcacherw
go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 >/dev/null 2>&1
where="$dir/{{ .ResourceKind }}{{ .KindSuffix }}.json"
got=$(bin/kubeconform -schema-location "$where" widget.yaml 2>&1) && status=0 || status=$?
echo "status $status: $got"
skipped=$(bin/kubeconform -summary -ignore-missing-schemas -schema-location "$where" widget.yaml 2>&1) && lenient=0 || lenient=$?
echo "status $lenient: $skipped"
case $status:$got in
1:*"could not find schema for Widget"*) ;;
*) echo "it has changed"; exit 1 ;;
esac
case $lenient:$skipped in
0:*"Skipped: 1"*) echo "as described: a schema that is there is said to be missing" ;;
*) echo "it has changed"; exit 1 ;;
esac
