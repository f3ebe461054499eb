package cyclonedx

import (
	"bytes"
	"encoding/xml"
)

// The slim types hold the part of an XML document that is read from its JSON
// form. All of it is text, so that no value can be refused. They serve the
// documents that the library gives up on.
type (
	slimMetadata struct {
		Timestamp    string         `json:"timestamp,omitempty" xml:"timestamp"`
		Component    *slimComponent `json:"component,omitempty" xml:"component"`
		Supplier     *slimEntity    `json:"supplier,omitempty" xml:"supplier"`
		Manufacturer *slimEntity    `json:"manufacturer,omitempty" xml:"manufacturer"`
		Manufacture  *slimEntity    `json:"manufacture,omitempty" xml:"manufacture"`
		Authors      []slimEntity   `json:"authors,omitempty" xml:"authors>author"`
	}
	slimEntity struct {
		Name string `json:"name,omitempty" xml:"name"`
	}
	slimComponent struct {
		Ref        string          `json:"bom-ref,omitempty" xml:"bom-ref,attr"`
		Type       string          `json:"type,omitempty" xml:"type,attr"`
		Group      string          `json:"group,omitempty" xml:"group"`
		Name       string          `json:"name" xml:"name"`
		Version    string          `json:"version,omitempty" xml:"version"`
		Scope      string          `json:"scope,omitempty" xml:"scope"`
		CPE        string          `json:"cpe,omitempty" xml:"cpe"`
		Purl       string          `json:"purl,omitempty" xml:"purl"`
		Properties []slimProperty  `json:"properties,omitempty" xml:"properties>property"`
		Components []slimComponent `json:"components,omitempty" xml:"components>component"`
	}
	slimProperty struct {
		Name  string `json:"name,omitempty" xml:"name,attr"`
		Value string `json:"value,omitempty" xml:",chardata"`
	}
	slimService struct {
		Ref      string        `json:"bom-ref,omitempty" xml:"bom-ref,attr"`
		Name     string        `json:"name" xml:"name"`
		Services []slimService `json:"services,omitempty" xml:"services>service"`
	}
	slimVulnerability struct {
		ID             string          `json:"id,omitempty" xml:"id"`
		References     []slimReference `json:"references,omitempty" xml:"references>reference"`
		Recommendation string          `json:"recommendation,omitempty" xml:"recommendation"`
		Workaround     string          `json:"workaround,omitempty" xml:"workaround"`
		Analysis       *slimAnalysis   `json:"analysis,omitempty" xml:"analysis"`
		Affects        []slimAffect    `json:"affects,omitempty" xml:"affects>target"`
	}
	slimReference struct {
		ID string `json:"id,omitempty" xml:"id"`
	}
	slimAnalysis struct {
		State         string   `json:"state,omitempty" xml:"state"`
		Justification string   `json:"justification,omitempty" xml:"justification"`
		Responses     []string `json:"response,omitempty" xml:"responses>response"`
		Detail        string   `json:"detail,omitempty" xml:"detail"`
		FirstIssued   string   `json:"firstIssued,omitempty" xml:"firstIssued"`
		LastUpdated   string   `json:"lastUpdated,omitempty" xml:"lastUpdated"`
	}
	slimAffect struct {
		Ref      string        `json:"ref,omitempty" xml:"ref"`
		Versions []slimVersion `json:"versions,omitempty" xml:"versions>version"`
	}
	slimVersion struct {
		Version string `json:"version,omitempty" xml:"version"`
		Range   string `json:"range,omitempty" xml:"range"`
		Status  string `json:"status,omitempty" xml:"status"`
	}
	slimDependency struct {
		Ref       string    `json:"ref" xml:"ref,attr"`
		DependsOn []slimRef `json:"dependsOn,omitempty" xml:"dependency"`
		Provides  []slimRef `json:"provides,omitempty" xml:"provides"`
	}
	// slimRef is an element with a ref in XML and a mere string in JSON.
	slimRef struct {
		Ref string `xml:"ref,attr"`
	}
)

// slimCosts are those of the slim structs.
var slimCosts = costs{of: map[string]int{
	"component": 430, "property": 100, "service": 150, "vulnerability": 400, "analysis": 250, "target": 100, "version": 120,
	"reference": 40, "response": 40, "author": 40, "dependency": 40, "provides": 40,
}}

// slim writes a section as far as it is read.
func (c *converter) slim(e xml.StartElement) error {
	switch e.Name.Local {
	case "metadata":
		if c.seen["metadata"] {
			return c.dec.Skip()
		}
		return one[slimMetadata](c, e, nil)
	case "components":
		return part[slimComponent](c, e, "component")
	case "services":
		return part[slimService](c, e, "service")
	case "dependencies":
		return part[slimDependency](c, e, "dependency")
	case "vulnerabilities":
		return part[slimVulnerability](c, e, "vulnerability")
	}
	return c.dec.Skip()
}

// part writes a list, of which the document may have had another before, which is
// one reason why it comes here.
func part[T any](c *converter, e xml.StartElement, name string) error {
	list, again := c.parts[e.Name.Local]
	if !again {
		list = new(bytes.Buffer)
		c.parts[e.Name.Local] = list
	}
	whole := c.out
	c.writeTo(list)
	defer c.writeTo(whole)
	return items[T](c, name, list.Len() == 0, nil)
}

// MarshalText makes a slimRef a JSON string.
func (r slimRef) MarshalText() ([]byte, error) { return []byte(r.Ref), nil }
