<?php
require "Composer/Semver/autoload.php";
use Composer\Semver\Comparator;
use Composer\Semver\VersionParser;

echo "# composer/semver ", getenv("TOOL_VERSION"), ", PHP ", PHP_VERSION, "\n";
$parser = new VersionParser();
while (($line = fgets(STDIN)) !== false) {
    [$a, $b] = explode("\t", rtrim($line, "\n"));
    try {
        [$x, $y] = [$parser->normalize($a), $parser->normalize($b)];
    } catch (UnexpectedValueException $e) {
        continue;
    }
    // Branches are equal or not, and have no order.
    if (str_starts_with($x, "dev-") || str_starts_with($y, "dev-")) continue;
    echo $a, "\t", $b, "\t", Comparator::lessThan($x, $y) ? -1 : (Comparator::greaterThan($x, $y) ? 1 : 0), "\n";
}
