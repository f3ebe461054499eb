module sluice/internal/test/spdxspeed

go 1.26.3

require (
	github.com/spdx/tools-golang v0.5.7
	sluice v0.0.0
)

require (
	github.com/anchore/go-struct-converter v0.1.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace sluice => ../../..
