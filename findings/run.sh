#!/bin/sh
# Runs every finding and says which still behave as described.
cd "$(dirname "$0")" || exit 1
failed=0
for script in *.sh; do
	[ "$script" = run.sh ] && continue
	if out=$(bash "./$script" 2>&1); then
		echo "as described: $script"
	else
		failed=$((failed + 1))
		printf 'CHANGED, or it did not run: %s\n%s\n' "$script" "$out"
	fi
done
exit "$((failed > 0))"
