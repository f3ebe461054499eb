package cve

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/cpe"
)

// product is an element of "affected".
type product struct {
	vendor, product string
	collection      string // collectionURL
	name            string // packageName
	purl            string // packageURL
	cpes            []string
	defaultStatus   string
	versions        []entry
}

// affected reads an element of "affected".
func (r *reader) affected() {
	if !r.IsObject() {
		r.Object() // warns
		return
	}
	var p product
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "vendor":
			p.vendor = r.Text()
		case "product":
			p.product = r.Text()
		case "collectionURL":
			p.collection = r.Text()
		case "packageName":
			p.name = r.Text()
		case "packageURL":
			p.purl = r.Text()
		case "cpes":
			p.cpes = r.Texts()
		case "defaultStatus":
			p.defaultStatus = strings.ToLower(r.Text())
		case "versions":
			for ok := r.List(); ok && r.Element(); {
				if e, ok := r.entry(); ok {
					p.versions = append(p.versions, e.constraints()...)
				}
			}
		default:
			r.Skip()
		}
	}
	if !r.Failed() {
		r.take(p, r.Pointer())
	}
}

// take keeps a product where something can be matched by it.
func (r *reader) take(p product, at string) {
	found := r.identify(p, at)
	if len(found) > 0 {
		git := 0
		for _, a := range found {
			var exact bool
			var commits int
			a.Ranges, a.Versions, commits, exact = convert(p.versions, p.defaultStatus, a.Ecosystem)
			if git += commits; !exact {
				r.warn("inexact-range", at+"/versions", "a version that is not affected by itself cannot be told from those around it; it counts as affected")
			}
			if len(a.Ranges)+len(a.Versions) == 0 {
				continue
			}
			for _, rng := range a.Ranges {
				for _, e := range rng.Events {
					if e.Fixed != "" && e.Fixed != "0" && !slices.Contains(a.FixedVersions, e.Fixed) {
						a.FixedVersions = append(a.FixedVersions, e.Fixed)
					}
				}
			}
			r.packages = append(r.packages, a)
		}
		if git > 0 && git == len(p.versions) {
			r.warn("git-only", at, "commits of a repository only; there is nothing to match a package by")
		}
		return
	}
	if p.name != "" && !strings.EqualFold(p.name, p.product) {
		// The CPE is then that of the product that the package is in.
		if p.collection != "" {
			r.warn("no-package", at, "%.100q is no collection of packages that is known here; the entry is not used", p.collection)
		}
		return
	}
	for _, text := range p.cpes {
		n, ok := cpe.Parse(text)
		if !ok {
			r.warn("invalid-cpe", at+"/cpes", "%.100q is no CPE of a product; it is not used", text)
			continue
		}
		ranges, versions, _, _ := convert(p.versions, p.defaultStatus, cpe.Ecosystem)
		for _, rng := range ranges {
			r.products.Add(n, rng)
		}
		for _, v := range versions {
			n.Version, n.Update = v, ""
			r.products.Add(n, normalize.Range{})
		}
	}
}
