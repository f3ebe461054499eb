#!/usr/bin/env bash
# Software:  composer/semver 3.3.2 (Debian 12's php-composer-semver 3.3.2-1), PHP 8.2
# Expected:  Stabilities are read in any case: 1.0.0-BETA1 is 1.0.0-beta1, so 1.0.0-Stable is 1.0.0-stable,
#            which is 1.0.0.
# Behaviour: VersionParser::normalize drops "stable" only in lower case. 1.0.0-Stable becomes 1.0.0.0-stable,
#            and PHP's version_compare, which does not know the word, puts it before every dev, alpha and beta.
# Seen:      1.0.0-stable = 1.0.0
#            1.0.0-Stable < 1.0.0
#            1.0.0-Stable < 1.0.0-dev
# Ends with 0 while it is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq php-composer-semver=3.3.2-1 >/dev/null 2>&1
dpkg-deb -x php-composer-semver_*.deb .
command -v php >/dev/null || apt-get install -y -qq php-cli >/dev/null
cat >order.php <<'PHP'
<?php
require __DIR__ . "/usr/share/php/Composer/Semver/autoload.php";
$parser = new Composer\Semver\VersionParser();
foreach ([["1.0.0-stable", "1.0.0"], ["1.0.0-Stable", "1.0.0"], ["1.0.0-Stable", "1.0.0-dev"]] as [$a, $b]) {
    $c = version_compare($parser->normalize($a), $parser->normalize($b));
    echo $a, [" < ", " = ", " > "][$c + 1], $b, "\n";
}
PHP
got=$(php order.php)
printf '%s\n' "$got"
[ "$got" = "1.0.0-stable = 1.0.0
1.0.0-Stable < 1.0.0
1.0.0-Stable < 1.0.0-dev" ] || { echo "changed" >&2; exit 1; }
