const semver = require("semver")
const lines = require("fs").readFileSync(0, "utf8").trimEnd().split("\n")
console.log("# semver " + require("semver/package.json").version)
for (const line of lines) {
  const [a, b] = line.split("\t")
  // clean drops what may stand in front: "v1.2.3", "=v1.2.3", " 1.2.3".
  const x = semver.parse(semver.clean(a)), y = semver.parse(semver.clean(b))
  if (x && y) console.log([a, b, semver.compare(x, y)].join("\t"))
}
